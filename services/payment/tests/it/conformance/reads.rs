//! What can be found.

use std::time::Duration;

use payment::domain::{Money, NewPayment, Outcome, PaymentId, ProviderKey, State};
use service_kit::clock::UnixMillis;
use uuid::Uuid;

use super::{
    Harness,
    support::{
        HOLD, authorized, captured, create, euro, euros_of, id, money, new, settle, standing, take, user,
    },
};

pub(crate) async fn payments_are_listed_newest_first<H: Harness>(harness: H) {
    let store = harness.store();
    let mut made = Vec::new();
    for n in 0..25 {
        harness.advance(Duration::from_millis(1));
        // Two currencies, so two books, and one list.
        let amount = money(100, if n % 3 == 0 { "USD" } else { "EUR" });
        create(&*store, new(n, amount, harness.now()), None, harness.now()).await.unwrap();
        made.push(id(n, harness.now()));
        let mut other = new(100 + n, amount, harness.now());
        other.user = user(2);
        create(&*store, other, None, harness.now()).await.unwrap();
    }
    made.reverse();
    let (mut listed, mut before) = (Vec::new(), None);
    loop {
        let page = store.payments(user(1), before, 10).await.unwrap();
        assert!(page.len() <= 10 && page.iter().all(|payment| payment.user == user(1)));
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        listed.extend(page.into_iter().map(|payment| payment.id));
    }
    assert_eq!(listed, made);
    assert_eq!(store.payments(user(3), None, 10).await.unwrap(), []);
}

pub(crate) async fn entries_page_through_the_ledger_in_order<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    for n in 0..5 {
        captured(&*store, n, euro(100), now).await;
    }
    captured(&*store, 5, money(100, "USD"), now).await;
    let all = store.entries(euros_of(1), 0, 100).await.unwrap();
    assert_eq!(all.len(), 10, "two for each payment, and none of another currency");
    assert!(all.is_sorted_by(|a, b| a.version < b.version));
    let (mut paged, mut after) = (Vec::new(), 0);
    loop {
        let page = store.entries(euros_of(1), after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.version;
        paged.extend(page);
    }
    assert_eq!(paged, all);
    assert_eq!(store.entries(euros_of(1), u64::MAX, 3).await.unwrap(), []);
    let sum = Money::sum(euro(0).currency(), all.iter().map(|entry| entry.transfer.amount()));
    assert_eq!(sum, Ok(1_000));
}

pub(crate) async fn open_operations_are_found_until_they_end<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    for n in 0..3 {
        create(&*store, new(n, euro(100), now), None, now).await.unwrap();
    }
    let harness = harness.reopen().await;
    let store = harness.store();
    let first = store.open_operations(None, 2).await.unwrap();
    let rest = store.open_operations(first.last().map(|operation| operation.key), 2).await.unwrap();
    let found: Vec<_> = first.iter().chain(&rest).map(|operation| operation.key).collect();
    assert_eq!(found, [0, 1, 2].map(|n| ProviderKey { payment: id(n, now), seq: 1 }));
    settle(&*store, id(0, now), Outcome::Settled, now).await;
    settle(&*store, id(1, now), super::support::declined(), now).await;
    let open = store.open_operations(None, 10).await.unwrap();
    assert_eq!(open, standing(&*store, id(2, now)).await.open.into_iter().collect::<Vec<_>>());
    assert_eq!(open[0].key.payment, id(2, now));
    let ended = store.operation(ProviderKey { payment: id(1, now), seq: 1 }).await.unwrap().unwrap();
    assert_eq!(ended.outcome, Some(super::support::declined()));
}

pub(crate) async fn what_was_given_up_is_found_apart_until_it_is_taken_up<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    for n in 0..4 {
        create(&*store, new(n, euro(100), now), None, now).await.unwrap();
    }
    for n in [2, 0, 1] {
        take(&*store, id(n, now), |payment| payment.give_up(now)).await.unwrap();
    }
    let harness = harness.reopen().await;
    let store = harness.store();
    let keys = |found: Vec<payment::domain::Operation>| -> Vec<_> {
        found.iter().map(|operation| operation.key).collect()
    };
    let key = |n| ProviderKey { payment: id(n, now), seq: 1 };
    assert_eq!(keys(store.open_operations(None, 10).await.unwrap()), [key(3)]);
    let first = keys(store.given_up(None, 2).await.unwrap());
    let rest = keys(store.given_up(first.last().copied(), 2).await.unwrap());
    assert_eq!([first, rest].concat(), [0, 1, 2].map(key));
    // It is open all the same: its outcome must be found out.
    let given_up = standing(&*store, id(1, now)).await.open;
    assert!(given_up.is_some_and(|operation| operation.is_open() && operation.key == key(1)));
    let open = standing(&*store, id(1, now)).await.open.unwrap();
    take(&*store, id(1, now), |payment| payment.resume(&open, now)).await.unwrap();
    assert_eq!(keys(store.open_operations(None, 10).await.unwrap()), [key(1), key(3)]);
    assert_eq!(keys(store.given_up(None, 10).await.unwrap()), [key(0), key(2)]);
    settle(&*store, id(1, now), Outcome::Settled, now).await;
    assert_eq!(keys(store.open_operations(None, 10).await.unwrap()), [key(3)]);
}

pub(crate) async fn authorizations_lapse_in_order_of_time<H: Harness>(harness: H) {
    let store = harness.store();
    let mut made = Vec::new();
    for n in [2, 1, 0] {
        harness.advance(Duration::from_secs(1));
        made.push(authorized(&*store, n, euro(100), harness.now()).await);
    }
    let until = |from: UnixMillis, ms: u64| UnixMillis(from.after(HOLD).0 - ms);
    let now = harness.now();
    assert_eq!(store.lapsed(until(now, 2_001), 10).await.unwrap(), []);
    assert_eq!(store.lapsed(until(now, 2_000), 10).await.unwrap(), made[..1]);
    let all = store.lapsed(now.after(HOLD), 10).await.unwrap();
    assert_eq!(all, made);
    assert_eq!(store.lapsed(now.after(HOLD), 2).await.unwrap(), made[..2]);
    harness.advance(HOLD);
    let now = harness.now();
    take(&*store, made[0], |payment| payment.expire(now)).await.unwrap();
    let harness = harness.reopen().await;
    let store = harness.store();
    assert_eq!(store.lapsed(now, 10).await.unwrap(), made[1..], "its release is an open operation now");
    settle(&*store, made[0], Outcome::Settled, now).await;
    assert_eq!(standing(&*store, made[0]).await.payment.state, State::Voided);
}

pub(crate) async fn books_page_through_everything_that_was_kept<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    assert_eq!(store.books(None, 10).await.unwrap(), []);
    for n in 0..7 {
        let amount = money(100, if n % 2 == 0 { "EUR" } else { "USD" });
        let payment = NewPayment { user: user(n / 2), ..new(n, amount, now) };
        create(&*store, payment, None, now).await.unwrap();
    }
    settle(&*store, id(0, now), Outcome::Settled, now).await;
    let harness = harness.reopen().await;
    let store = harness.store();
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = store.books(after, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        paged.extend(page);
    }
    let names: Vec<_> = paged.iter().map(|book| (book.id.user, book.id.currency.code())).collect();
    let expected: Vec<_> = (0..7).map(|n| (user(n / 2), if n % 2 == 0 { "EUR" } else { "USD" })).collect();
    assert_eq!(names, expected);
    for book in &paged {
        assert_eq!(store.book(book.id).await.unwrap(), *book);
    }
    assert_eq!((paged[0].version, paged[0].balance.held), (2, 100));
}

pub(crate) async fn operations_page_through_open_and_ended_ones<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    assert_eq!(store.operations(None, 10).await.unwrap(), []);
    for n in 0..3 {
        captured(&*store, n, euro(100), now).await;
    }
    take(&*store, id(1, now), |payment| payment.refund(Some(euro(30)), now)).await.unwrap();
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = store.operations(after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        paged.extend(page);
    }
    let keys = [(0, 1), (0, 2), (1, 1), (1, 2), (1, 3), (2, 1), (2, 2)];
    let keys = keys.map(|(n, seq)| ProviderKey { payment: id(n, now), seq });
    assert_eq!(paged.iter().map(|operation| operation.key).collect::<Vec<_>>(), keys);
    let open: Vec<_> = paged.iter().filter(|operation| operation.is_open()).map(|open| open.key).collect();
    assert_eq!(open, keys[4..5]);
    for operation in paged {
        assert_eq!(store.operation(operation.key).await.unwrap(), Some(operation));
    }
}

pub(crate) async fn what_is_not_there_is_not_found<H: Harness>(harness: H) {
    let (store, nobody) = (harness.store(), PaymentId(Uuid::nil()));
    assert_eq!(store.payment(nobody).await.unwrap(), None);
    assert_eq!(store.operation(ProviderKey { payment: nobody, seq: 1 }).await.unwrap(), None);
    let book = store.book(euros_of(1)).await.unwrap();
    assert_eq!((book.version, book.balance), (0, payment::domain::Balance::default()));
    assert_eq!(store.entries(euros_of(1), 0, 10).await.unwrap(), []);
    assert_eq!(store.lapsed(UnixMillis(u64::MAX), 10).await.unwrap(), []);
}
