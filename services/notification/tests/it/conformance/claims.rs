//! Leases: what is due is sent by one holder at a time.

use std::time::Duration;

use notification::domain::{State, Verdict};

use super::{Harness, busy, claim, enqueue, fill, person, settle, sorted, text};

pub(crate) async fn what_is_due_longest_is_claimed_first_and_only_once<H: Harness>(harness: H) {
    let mut expected = Vec::new();
    // Against the order of the ids, which says nothing.
    for n in [3, 1, 2] {
        let notification = text(n, person(1), harness.now());
        enqueue(&*harness.store(), &notification, None).await.unwrap();
        expected.push(notification.id);
        harness.advance(Duration::from_millis(1));
    }
    let first = harness.store().claim(harness.now(), 2).await.unwrap();
    assert_eq!(first.iter().map(|notification| notification.id).collect::<Vec<_>>(), expected[..2]);
    assert!(first.iter().all(|notification| notification.state == State::Sending));
    assert_eq!(claim(&harness, 2).await, expected[2..]);
    assert_eq!(claim(&harness, 2).await, []);
}

pub(crate) async fn concurrent_claimers_share_what_is_due<H: Harness>(harness: H) {
    let due = fill(&harness, 0..40).await;
    // More claimers than there are notifications for, so that some go away with less.
    let claimers = (0..8).map(|_| {
        let (store, now) = (harness.store(), harness.now());
        tokio::spawn(async move { store.claim(now, 7).await.unwrap() })
    });
    let mut claimed = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        claimed.extend(claimer.await.unwrap().into_iter().map(|notification| notification.id));
    }
    assert_eq!(sorted(claimed), sorted(due.into_iter().map(|notification| notification.id).collect()));
}

pub(crate) async fn what_is_settled_for_good_is_never_claimed_again<H: Harness>(harness: H) {
    let due = fill(&harness, 0..2).await;
    claim(&harness, 2).await;
    harness.advance(Duration::from_millis(5));
    let sent = settle(&harness, due[0].id, Verdict::Sent).await;
    assert_eq!((sent.state, sent.attempts, sent.updated), (State::Sent, 1, harness.now()));
    let failed = settle(&harness, due[1].id, Verdict::Permanent("no such mailbox".to_owned())).await;
    assert_eq!((failed.state, failed.last_error.as_str()), (State::Failed, "no such mailbox"));
    harness.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(claim(&harness, 2).await, []);
    assert_eq!(harness.store().next_due().await.unwrap(), None);
    for settled in [sent, failed] {
        assert_eq!(harness.store().notification(settled.id).await.unwrap(), Some(settled));
    }
}

pub(crate) async fn a_transient_failure_is_due_when_the_ladder_says<H: Harness>(harness: H) {
    let id = fill(&harness, 0..1).await[0].id;
    claim(&harness, 1).await;
    let retrying = settle(&harness, id, busy()).await;
    assert_eq!((retrying.state, retrying.last_error.as_str()), (State::Retrying, "busy"));
    assert_eq!(harness.store().next_due().await.unwrap(), Some(retrying.due));
    harness.advance(Duration::from_millis(retrying.due.0 - harness.now().0 - 1));
    assert_eq!(claim(&harness, 1).await, [], "a millisecond early");
    harness.advance(Duration::from_millis(1));
    assert_eq!(claim(&harness, 1).await, [id]);
    assert_eq!(settle(&harness, id, Verdict::Sent).await.attempts, 2);
}

pub(crate) async fn verdicts_are_answered_in_order_without_the_unknown<H: Harness>(harness: H) {
    let due = fill(&harness, 0..3).await;
    claim(&harness, 3).await;
    let nobodys = text(100, person(1), harness.now()).id;
    let tried = vec![
        (due[2].id, Verdict::Sent),
        (nobodys, Verdict::Sent),
        (due[0].id, busy()),
        (due[1].id, Verdict::Permanent("no".to_owned())),
    ];
    let settled = harness.store().settle(tried, harness.now()).await.unwrap();
    let told: Vec<_> = settled.iter().map(|notification| (notification.id, notification.state)).collect();
    assert_eq!(told, [(due[2].id, State::Sent), (due[0].id, State::Retrying), (due[1].id, State::Failed)]);
    assert_eq!(harness.store().notification(nobodys).await.unwrap(), None);
}

pub(crate) async fn what_was_held_is_due_again_after_reopening<H: Harness>(harness: H) {
    let due = fill(&harness, 0..3).await;
    let held = claim(&harness, 2).await;
    settle(&harness, held[0], Verdict::Sent).await;
    let harness = harness.reopen().await;
    let expected = due.iter().map(|notification| notification.id).filter(|id| *id != held[0]).collect();
    assert_eq!(sorted(claim(&harness, 10).await), sorted(expected));
}

pub(crate) async fn what_was_settled_stays_settled_after_reopening<H: Harness>(harness: H) {
    let due = fill(&harness, 0..2).await;
    claim(&harness, 2).await;
    let sent = settle(&harness, due[0].id, Verdict::Sent).await;
    let retrying = settle(&harness, due[1].id, busy()).await;
    let harness = harness.reopen().await;
    assert_eq!(claim(&harness, 10).await, []);
    assert_eq!(harness.store().next_due().await.unwrap(), Some(retrying.due));
    for settled in [sent, retrying] {
        assert_eq!(harness.store().notification(settled.id).await.unwrap(), Some(settled));
    }
}

pub(crate) async fn what_is_held_does_not_count_as_next<H: Harness>(harness: H) {
    assert_eq!(harness.store().next_due().await.unwrap(), None);
    let first = fill(&harness, 0..1).await.remove(0);
    harness.advance(Duration::from_millis(1));
    let second = fill(&harness, 1..2).await.remove(0);
    assert_eq!(harness.store().next_due().await.unwrap(), Some(first.due));
    assert_eq!(claim(&harness, 1).await, [first.id]);
    assert_eq!(harness.store().next_due().await.unwrap(), Some(second.due));
    assert_eq!(claim(&harness, 1).await, [second.id]);
    assert_eq!(harness.store().next_due().await.unwrap(), None);
    let retrying = settle(&harness, first.id, busy()).await;
    assert_eq!(harness.store().next_due().await.unwrap(), Some(retrying.due));
}
