//! Bugs on a CQL node and a broker: those that are elsewhere too, and those that only these make possible.

use load::torture::Play;
use mesh_rig::{checker::Invariant::E1, history::Answer};

use super::{
    Scene,
    events::acknowledge,
    payments::{ask_again, pay},
    users::create,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_before_the_effect_breaks_n1_e1_and_u3_on_servers() {
    for has_bug in [true, false] {
        acknowledge(Scene::on_servers("bug.ack-before-effect", has_bug).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_for_each_try_breaks_p1_on_servers() {
    for has_bug in [true, false] {
        ask_again(Scene::on_servers("bug.new-provider-key", has_bug).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_that_is_given_up_without_a_fence_breaks_e1() {
    // Each waits until an intent is too old, which takes most of a minute.
    let scene = async |has_bug| stall(Scene::on_servers("bug.skip-fence", has_bug).await).await;
    tokio::join!(scene(true), scene(false));
}

/// Who is about to keep that a payment was captured stands still until the sweeper has given the intent up.
async fn stall(mut scene: Scene) {
    // Created, profile made; payment created, authorized, captured.
    scene.hold_at("commit.before-commit#5,user.after-commit#2");
    scene.holds.go("user.after-commit");
    // Only the sweep publishes.
    scene.fail("publisher.drop-offer");
    scene.setting.retries = false;
    let mut play = Play::open(&scene.setting, 1).await.unwrap();
    let mut caller = play.caller(0);
    let place = scene.place.as_ref().unwrap();
    let meeting = async {
        let Some(Answer::User(user)) = caller.ask(&create("ada")).await else { panic!("not created") };
        scene.holds.arrived("user.after-commit", 2).await;
        let pay = pay(user.user_id);
        let given_up = async {
            scene.holds.arrived("commit.before-commit", 5).await;
            place.aborted("payment").await;
            scene.holds.go("commit.before-commit");
        };
        tokio::join!(caller.ask(&pay), given_up);
    };
    play.during(meeting).await.unwrap();
    scene.judge(&play.close().await.unwrap(), &[E1]);
}
