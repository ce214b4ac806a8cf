//! A bug in the cache of profiles.

use std::time::Duration;

use load::torture::Play;
use mesh_rig::{
    checker::Invariant::C1,
    history::{Answer, Call},
};

use super::{Scene, users::create};

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_an_invalidation_does_not_stop_breaks_c1() {
    for has_bug in [true, false] {
        let mut scene = Scene::new("bug.cache-try-get-with", has_bug);
        // A reader has read the old profile and holds it in the cache after the new one was acknowledged.
        scene.hold_at("cache.after-load#1");
        // The news of the change would mend the cache. Only the sweep tells them, seconds after all of this.
        scene.fail("publisher.drop-offer");
        let mut play = Play::open(&scene.setting, 2).await.unwrap();
        let (mut reader, mut writer) = (play.caller(0), play.caller(1));
        let meeting = async {
            let Some(Answer::User(user)) = writer.ask(&create("ada")).await else { panic!("not created") };
            let read = Call::GetProfile { user_id: user.user_id.clone() };
            let update = Call::UpdateProfile { user_id: user.user_id, display_name: "Countess".to_owned() };
            let loading = reader.ask(&read);
            let updating = async {
                scene.holds.arrived("cache.after-load", 1).await;
                let mut answer = Box::pin(writer.ask(&update));
                if has_bug {
                    answer.await;
                    scene.holds.go("cache.after-load");
                } else {
                    // The answer waits for the load; whichever comes first, all is well.
                    let soon = tokio::time::timeout(Duration::from_millis(200), &mut answer).await;
                    scene.holds.go("cache.after-load");
                    if soon.is_err() {
                        answer.await;
                    }
                }
            };
            tokio::join!(loading, updating);
            reader.ask(&read).await;
        };
        play.during(meeting).await.unwrap();
        scene.judge(&play.close().await.unwrap(), &[C1]);
    }
}
