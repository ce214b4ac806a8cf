//! Bugs on the way of an event.

use load::torture::{Play, Step, tell};
use mesh_rig::{
    checker::Invariant::{E1, N1, U1, U3},
    history::Answer,
};

use super::{Scene, payments::pay, users::create};
use crate::process::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_before_the_effect_breaks_n1_e1_and_u3() {
    for has_bug in [true, false] {
        acknowledge(Scene::new("bug.ack-before-effect", has_bug)).await;
    }
}

pub(super) async fn acknowledge(mut scene: Scene) {
    // Both consumers of user.created and the one of payment.captured have acknowledged their event, and with the bug
    // none has done anything about it. The next one, of another user, is the last.
    scene.crash_at("consumer.after-ack#4");
    if scene.has_bug {
        scene.hold_at("consumer.before-effect");
    }
    let mut play = Play::open(&scene.setting, 1).await.unwrap();
    let mut caller = play.caller(0);
    let meeting = async {
        let Some(Answer::User(user)) = caller.ask(&create("ada")).await else { panic!("not created") };
        let Some(Answer::Payment(_)) = caller.ask(&pay(user.user_id)).await else { panic!("not paid") };
        // What is not known to be published is published again, and comes again.
        scene.published().await;
        caller.ask(&create("grace")).await;
    };
    play.during(meeting).await.unwrap();
    // No welcome, no receipt, no profile.
    scene.judge(&play.close().await.unwrap(), &[N1, E1, U3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_that_is_marked_before_the_effect_breaks_n1() {
    for has_bug in [true, false] {
        let mut scene = Scene::new("bug.seen-before-effect", has_bug);
        // The event comes again, and with the bug it was marked.
        scene.crash_at(if has_bug {
            "notification.between-seen-and-effect"
        } else {
            "consumer.before-effect#2"
        });
        let report = tell(&scene.setting, &[Step::CreateUser]).await.unwrap();
        scene.judge(&report, &[N1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_closed_without_grace_breaks_n1() {
    for has_bug in [true, false] {
        let mut scene = Scene::new("bug.bucket-no-grace", has_bug);
        // Only the sweep publishes, and the first user commits after the second, whose event is younger.
        scene.fail("publisher.drop-offer");
        scene.hold_at("user.before-commit#1");
        // The first one's deadline passes meanwhile, and the second try would make an event of its own.
        scene.setting.retries = false;
        let mut play = Play::open(&scene.setting, 2).await.unwrap();
        let (mut first, mut second, mailbox) = (play.caller(0), play.caller(1), play.mailbox());
        let meeting = async {
            let late = async { first.ask(&create("late")).await };
            let early = async {
                scene.holds.arrived("user.before-commit", 1).await;
                let Some(Answer::User(_)) = second.ask(&create("early")).await else { panic!("not created") };
                eventually("the younger event was swept", async || !mailbox.counts().await.is_empty()).await;
                scene.holds.go("user.before-commit");
            };
            tokio::join!(late, early)
        };
        play.during(meeting).await.unwrap();
        scene.judge(&play.close().await.unwrap(), &[N1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_fsync_breaks_u1() {
    for has_bug in [true, false] {
        let mut scene = Scene::new("bug.no-fsync", has_bug);
        // The user was acknowledged before anybody asked for their profile.
        scene.crash_at("cache.after-load");
        let report = tell(&scene.setting, &[Step::CreateUser, Step::GetProfile]).await.unwrap();
        scene.judge(&report, &[U1]);
    }
}
