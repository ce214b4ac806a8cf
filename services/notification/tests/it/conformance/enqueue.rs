//! Taking notifications on.

use std::collections::BTreeMap;

use notification::{
    domain::{Content, Notification, Verdict},
    store::{Enqueued, StoreError},
};
use service_kit::requests::REMEMBERED;

use super::{Harness, claim, enqueue, person, request, settle, text};

fn new(notification: &Notification) -> Enqueued {
    Enqueued::new(notification.clone())
}

fn replayed(notification: &Notification) -> Enqueued {
    Enqueued::before(notification.clone())
}

pub(crate) async fn what_was_taken_on_is_found_after_reopening<H: Harness>(harness: H) {
    let as_text = text(1, person(1), harness.now());
    let parameters = BTreeMap::from([("email".to_owned(), "ada@example.org".to_owned())]);
    let content = Content::Template { name: "welcome".to_owned(), parameters };
    let by_template = Notification { content, ..text(2, person(1), harness.now()) };
    for notification in [&as_text, &by_template] {
        assert_eq!(enqueue(&*harness.store(), notification, None).await.unwrap(), new(notification));
    }
    let harness = harness.reopen().await;
    for notification in [as_text, by_template] {
        assert_eq!(harness.store().notification(notification.id).await.unwrap(), Some(notification));
    }
    let nobodys = text(3, person(1), harness.now()).id;
    assert_eq!(harness.store().notification(nobodys).await.unwrap(), None);
}

pub(crate) async fn an_id_is_taken_on_once<H: Harness>(harness: H) {
    let (store, first) = (harness.store(), text(1, person(1), harness.now()));
    enqueue(&*store, &first, None).await.unwrap();
    let other = Notification { subject: "Another".to_owned(), ..first.clone() };
    assert_eq!(enqueue(&*store, &other, None).await.unwrap(), replayed(&first));
    assert_eq!(claim(&harness, 10).await, [first.id]);
    let sent = settle(&harness, first.id, Verdict::Sent).await;
    assert_eq!(enqueue(&*store, &first, None).await.unwrap(), replayed(&sent));
    assert_eq!(claim(&harness, 10).await, [], "it was sent, and is not sent again");
    assert_eq!(store.list(person(1), None, 10).await.unwrap(), [sent]);
}

pub(crate) async fn one_of_many_takes_an_id_on<H: Harness>(harness: H) {
    let racers = (0..16).map(|_| {
        let (store, notification) = (harness.store(), text(1, person(1), harness.now()));
        tokio::spawn(async move { enqueue(&*store, &notification, None).await.unwrap() })
    });
    let mut firsts = 0;
    for racer in racers.collect::<Vec<_>>() {
        firsts += usize::from(!racer.await.unwrap().replayed);
    }
    assert_eq!(firsts, 1);
    assert_eq!(harness.store().list(person(1), None, 100).await.unwrap().len(), 1);
    assert_eq!(claim(&harness, 100).await.len(), 1);
}

pub(crate) async fn a_repeat_gets_the_first_answer<H: Harness>(harness: H) {
    let (queued, first) = (text(1, person(1), harness.now()), request("r", "content"));
    assert_eq!(enqueue(&*harness.store(), &queued, first.clone()).await.unwrap(), new(&queued));
    claim(&harness, 1).await;
    settle(&harness, queued.id, Verdict::Sent).await;
    let harness = harness.reopen().await;
    let store = harness.store();
    assert_eq!(enqueue(&*store, &queued, first.clone()).await.unwrap(), replayed(&queued));
    let under_another_id = text(2, person(1), harness.now());
    assert_eq!(enqueue(&*store, &under_another_id, first).await.unwrap(), replayed(&queued));
    assert_eq!(store.notification(under_another_id.id).await.unwrap(), None);
    assert_eq!(claim(&harness, 10).await, [], "a repeat sends nothing");
}

pub(crate) async fn another_content_is_refused<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    enqueue(&*store, &text(1, person(1), now), request("r", "one")).await.unwrap();
    let other = text(2, person(1), now);
    let refused = enqueue(&*store, &other, request("r", "two")).await.unwrap_err();
    assert!(matches!(refused, StoreError::RequestReused), "{refused:?}");
    assert_eq!(store.notification(other.id).await.unwrap(), None, "a refusal changes nothing");
    assert_eq!(claim(&harness, 10).await.len(), 1);
    // It was the name that was wrong, not the notification.
    assert_eq!(enqueue(&*store, &other, request("s", "two")).await.unwrap(), new(&other));
}

pub(crate) async fn a_forgotten_request_is_new<H: Harness>(harness: H) {
    enqueue(&*harness.store(), &text(1, person(1), harness.now()), request("r", "one")).await.unwrap();
    harness.advance(REMEMBERED);
    let other = text(2, person(1), harness.now());
    assert_eq!(enqueue(&*harness.store(), &other, request("r", "two")).await.unwrap(), new(&other));
}

pub(crate) async fn one_of_two_contents_wins_a_race<H: Harness>(harness: H) {
    let racers = (0..12).map(|n| {
        // As the service does it: what is asked for decides about the id.
        let (content, notification) = (n % 2, text(n % 2, person(1), harness.now()));
        let (store, asked) = (harness.store(), request("r", &content.to_string()));
        tokio::spawn(async move { enqueue(&*store, &notification, asked).await })
    });
    let (mut firsts, mut answers, mut refused) = (0, Vec::new(), 0);
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            Ok(enqueued) => {
                firsts += usize::from(!enqueued.replayed);
                answers.push(enqueued.notification);
            }
            Err(StoreError::RequestReused) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!((firsts, answers.len(), refused), (1, 6, 6));
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert_eq!(harness.store().list(person(1), None, 100).await.unwrap(), answers);
}
