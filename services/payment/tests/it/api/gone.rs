//! Callers who go away in the middle: what they began is done whole.

use std::time::Duration;

use proto::payment::v1::State;

use crate::world::{World, order};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_goes_away_leaves_nothing_half_done() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let mut left = 0;
    for patience in 0..40 {
        let order = order(&user, 100, "tok_ok", &format!("create {patience}"));
        // Leaves after some polls: before, during or after the commit.
        let leave = async {
            for _ in 0..patience * patience * 8 {
                tokio::task::yield_now().await;
            }
        };
        let mut payments = world.payments.clone();
        tokio::select! {
            biased;
            _ = payments.create_payment(order) => {}
            () = leave => left += 1,
        }
    }
    assert!(left > 0, "nobody ever left");
    // Whatever was begun ends without anybody asking for it.
    let all_ended = async {
        loop {
            let listed = world.listed(&user).await;
            if !listed.is_empty() && listed.iter().all(|payment| payment.state() == State::Authorized) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all_ended).await.expect("something stays half done");
    // Whoever comes back finds what was begun, or begins it now.
    for patience in 0..40 {
        let order = order(&user, 100, "tok_ok", &format!("create {patience}"));
        assert_eq!(world.create(order).await.unwrap().state(), State::Authorized);
    }
    assert_eq!(world.listed(&user).await.len(), 40, "one for each request");
    assert_eq!(world.transactions().await.len(), 40, "each was asked for once");
    assert_eq!(world.balance(&user).await.held_minor, 4_000);
    world.stop().await;
}
