//! A user's list.

use std::time::Duration;

use notification::{
    domain::{Notification, NotificationId},
    store::ListKey,
};

use super::{Harness, enqueue, person, sorted, text};

/// Walks from `after` to the end, three at a time.
async fn rest(harness: &impl Harness, mut after: Option<ListKey>) -> Vec<Notification> {
    let mut listed = Vec::new();
    loop {
        let page = harness.store().list(person(1), after, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break listed };
        after = Some((last.created, last.id));
        listed.extend(page);
        assert!(listed.len() <= 100, "the pages go round in circles");
    }
}

fn ids(listed: &[Notification]) -> Vec<NotificationId> {
    listed.iter().map(|notification| notification.id).collect()
}

pub(crate) async fn pages_cover_a_users_notifications_once_newest_first<H: Harness>(harness: H) {
    let mut expected = Vec::new();
    for n in 0..20 {
        let (mine, theirs) = (text(n, person(1), harness.now()), text(100 + n, person(2), harness.now()));
        enqueue(&*harness.store(), &mine, None).await.unwrap();
        enqueue(&*harness.store(), &theirs, None).await.unwrap();
        expected.push(mine.id);
        // Two at a time share a millisecond, so that pages end between such as well.
        harness.advance(Duration::from_millis(n % 2));
    }
    let listed = rest(&harness, None).await;
    assert!(listed.is_sorted_by_key(|notification| std::cmp::Reverse(notification.created)));
    assert_eq!(sorted(ids(&listed)), sorted(expected));
    assert!(listed.iter().all(|notification| notification.user_id == person(1)));
    let all = harness.store().list(person(1), None, 1_000).await.unwrap();
    assert_eq!(ids(&all), ids(&listed), "the size of the pages changes nothing");
}

pub(crate) async fn what_comes_while_paging_moves_no_page<H: Harness>(harness: H) {
    for n in 0..7 {
        harness.advance(Duration::from_millis(1));
        enqueue(&*harness.store(), &text(n, person(1), harness.now()), None).await.unwrap();
    }
    let before = rest(&harness, None).await;
    let third = &before[2];
    harness.advance(Duration::from_millis(1));
    enqueue(&*harness.store(), &text(100, person(1), harness.now()), None).await.unwrap();
    assert_eq!(rest(&harness, Some((third.created, third.id))).await, before[3..]);
    assert_eq!(rest(&harness, None).await.len(), 8);
}

pub(crate) async fn nobody_has_none<H: Harness>(harness: H) {
    enqueue(&*harness.store(), &text(1, person(2), harness.now()), None).await.unwrap();
    assert_eq!(rest(&harness, None).await, []);
}
