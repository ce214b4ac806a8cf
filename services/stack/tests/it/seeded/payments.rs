//! Bugs in the payment service.

use load::torture::{Play, Step, tell};
use mesh_rig::{
    checker::Invariant::{L1, P1},
    history::{Answer, Call, Money},
};

use super::{Scene, users::create};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_for_each_try_breaks_p1() {
    for has_bug in [true, false] {
        ask_again(Scene::new("bug.new-provider-key", has_bug)).await;
    }
}

pub(super) async fn ask_again(scene: Scene) {
    // The provider does what it is asked for, and the answer never comes.
    let pay = Step::Pay { method: "tok_timeout_after_commit", minor: 1_000, capture: false };
    let report = tell(&scene.setting, &[Step::CreateUser, pay]).await.unwrap();
    scene.judge(&report, &[P1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_its_conditions_refunds_more_than_was_captured_and_breaks_l1() {
    for has_bug in [true, false] {
        let mut scene = Scene::new("bug.unconditional-commit", has_bug);
        // Both refunds were found to be possible before either is kept. The payment itself came there first.
        scene.hold_at("payment.before-intent#2,payment.before-intent#3");
        let mut play = Play::open(&scene.setting, 2).await.unwrap();
        let (mut first, mut second) = (play.caller(0), play.caller(1));
        let meeting = async {
            let Some(Answer::User(user)) = first.ask(&create("ada")).await else { panic!("not created") };
            let Some(Answer::Payment(payment)) = first.ask(&pay(user.user_id)).await else {
                panic!("not paid")
            };
            let refund = |name: &str, minor| Call::RefundPayment {
                request_id: name.to_owned(),
                payment_id: payment.payment_id.clone(),
                amount: Some(euros(minor)),
            };
            let (most, more) = (refund("most", 800), refund("more", 700));
            let both = async {
                // In truth one waits for the other, and then is refused.
                scene.holds.arrived("payment.before-intent", if has_bug { 3 } else { 2 }).await;
                scene.holds.go("payment.before-intent");
            };
            tokio::join!(first.ask(&most), second.ask(&more), both);
        };
        play.during(meeting).await.unwrap();
        scene.judge(&play.close().await.unwrap(), &[L1]);
    }
}

/// A payment of ten euros, captured at once.
pub(super) fn pay(user_id: String) -> Call {
    Call::CreatePayment {
        request_id: "pay".to_owned(),
        user_id,
        amount: euros(1_000),
        payment_method: "tok_ok".to_owned(),
        capture: true,
    }
}

fn euros(minor: i64) -> Money {
    Money { minor, currency: "EUR".to_owned() }
}
