//! Taking on and leasing in one write, and giving back.

use notification::{
    domain::{Notification, State, Verdict},
    store::{Enqueued, NotificationStore},
};

use super::{Harness, claim, enqueue, fill, person, settle, text};

/// Takes a notification on to send it at once.
async fn hold(store: &dyn NotificationStore, notification: &Notification) -> Enqueued {
    store.enqueue(notification.clone(), None, true).await.unwrap()
}

pub(crate) async fn what_is_held_from_the_start_is_nobody_elses<H: Harness>(harness: H) {
    let notification = text(1, person(1), harness.now());
    let held = hold(&*harness.store(), &notification).await;
    assert_eq!(held, Enqueued { held: true, ..Enqueued::new(notification.clone()) });
    assert_eq!(claim(&harness, 10).await, []);
    assert_eq!(harness.store().next_due().await.unwrap(), None);
    let sent = settle(&harness, notification.id, Verdict::Sent).await;
    assert_eq!((sent.state, sent.attempts), (State::Sent, 1));
    assert_eq!(claim(&harness, 10).await, []);
}

pub(crate) async fn what_is_held_from_the_start_is_tried_again_like_any_other<H: Harness>(harness: H) {
    let notification = text(1, person(1), harness.now());
    hold(&*harness.store(), &notification).await;
    let retrying = settle(&harness, notification.id, super::busy()).await;
    assert_eq!(harness.store().next_due().await.unwrap(), Some(retrying.due));
    harness.advance(std::time::Duration::from_millis(retrying.due.0 - harness.now().0));
    assert_eq!(claim(&harness, 10).await, [notification.id]);
    assert_eq!(settle(&harness, notification.id, Verdict::Sent).await.attempts, 2);
}

pub(crate) async fn what_is_released_is_due_again<H: Harness>(harness: H) {
    let notification = text(1, person(1), harness.now());
    hold(&*harness.store(), &notification).await;
    let claimed = fill(&harness, 2..3).await.remove(0);
    assert_eq!(claim(&harness, 10).await, [claimed.id]);
    // Of one that is not there nothing happens.
    let nobodys = text(3, person(1), harness.now()).id;
    harness.store().release(vec![notification.id, nobodys]).await;
    assert_eq!(harness.store().next_due().await.unwrap(), Some(notification.due));
    assert_eq!(claim(&harness, 10).await, [notification.id]);
    harness.store().release(vec![claimed.id]).await;
    assert_eq!(claim(&harness, 10).await, [claimed.id]);
    for id in [notification.id, claimed.id] {
        assert_eq!(settle(&harness, id, Verdict::Sent).await.attempts, 1, "it was not tried before");
    }
}

pub(crate) async fn only_what_is_new_is_held<H: Harness>(harness: H) {
    let [queued, claimed] = [1, 2].map(|n| text(n, person(1), harness.now()));
    enqueue(&*harness.store(), &claimed, None).await.unwrap();
    assert_eq!(claim(&harness, 1).await, [claimed.id]);
    enqueue(&*harness.store(), &queued, None).await.unwrap();
    for known in [&queued, &claimed] {
        let enqueued = hold(&*harness.store(), known).await;
        assert!(enqueued.replayed && !enqueued.held, "{enqueued:?}");
    }
    assert_eq!(claim(&harness, 10).await, [queued.id], "the one goes on waiting, the other stays held");
}

pub(crate) async fn one_of_many_holds_an_id<H: Harness>(harness: H) {
    let racers = (0..16).map(|_| {
        let (store, notification) = (harness.store(), text(1, person(1), harness.now()));
        tokio::spawn(async move { hold(&*store, &notification).await })
    });
    let (mut firsts, mut holders) = (0, 0);
    for racer in racers.collect::<Vec<_>>() {
        let enqueued = racer.await.unwrap();
        firsts += usize::from(!enqueued.replayed);
        holders += usize::from(enqueued.held);
        assert!(!(enqueued.replayed && enqueued.held));
    }
    assert_eq!(firsts, 1);
    // Whoever reserved it may have come second: then nobody holds it, and it is due.
    assert_eq!(claim(&harness, 100).await.len(), 1 - holders);
}

pub(crate) async fn a_repeat_ends_nobodys_lease<H: Harness>(harness: H) {
    let notification = fill(&harness, 0..1).await.remove(0);
    for tries in 1..=7 {
        let repeats = (0..4).map(|_| {
            let (store, notification) = (harness.store(), notification.clone());
            tokio::spawn(async move { hold(&*store, &notification).await })
        });
        let repeats: Vec<_> = repeats.collect();
        let mut claimed = claim(&harness, 1).await;
        for repeat in repeats {
            let enqueued = repeat.await.unwrap();
            assert!(enqueued.replayed && !enqueued.held, "{enqueued:?}");
        }
        if claimed.is_empty() {
            // A repeat had it for a moment, and has let it go.
            claimed = claim(&harness, 1).await;
        }
        assert_eq!(claimed, [notification.id]);
        assert_eq!(claim(&harness, 1).await, [], "it is still held");
        let retrying = settle(&harness, notification.id, super::busy()).await;
        assert_eq!(retrying.attempts, tries, "and settled by its holder");
        harness.advance(std::time::Duration::from_millis(retrying.due.0 - harness.now().0));
    }
}

pub(crate) async fn what_was_held_from_the_start_is_due_after_reopening<H: Harness>(harness: H) {
    let notification = text(1, person(1), harness.now());
    hold(&*harness.store(), &notification).await;
    let harness = harness.reopen().await;
    assert_eq!(harness.store().next_due().await.unwrap(), Some(notification.due));
    assert_eq!(claim(&harness, 10).await, [notification.id]);
}
