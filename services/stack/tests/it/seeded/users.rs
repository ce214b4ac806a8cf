//! Bugs in the user service.

use load::torture::Play;
use mesh_rig::{checker::Invariant::U1, history::Call};

use super::Scene;

/// Creates somebody of this name; two of one name have one address.
pub(super) fn create(name: &str) -> Call {
    Call::CreateUser {
        request_id: name.to_owned(),
        email: format!("{name}@example.org"),
        display_name: name.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_checked_before_the_write_breaks_u1() {
    for has_bug in [true, false] {
        let mut scene = Scene::new("bug.email-read-then-write", has_bug);
        // Both have seen that the address is free before either takes it.
        scene.hold_at("user.before-commit#1,user.before-commit#2");
        let mut play = Play::open(&scene.setting, 2).await.unwrap();
        let (mut first, mut second) = (play.caller(0), play.caller(1));
        let meeting = async {
            let other = Call::CreateUser {
                request_id: "other".to_owned(),
                email: "ada@example.org".to_owned(),
                display_name: "Other".to_owned(),
            };
            let (ada, other) = (create("ada"), other);
            let both = async {
                scene.holds.arrived("user.before-commit", 2).await;
                scene.holds.go("user.before-commit");
            };
            tokio::join!(first.ask(&ada), second.ask(&other), both)
        };
        play.during(meeting).await.unwrap();
        scene.judge(&play.close().await.unwrap(), &[U1]);
    }
}
