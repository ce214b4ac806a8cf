//! Our books against themselves.

use proto::payment::v1::{CurrencyTotal, Money, finding::Kind};
use redb::{ReadableTable as _, TableDefinition};

use super::{QUIET, found, key, nth, reconcile};
use crate::{
    conformance::support::{captured, euro, money, new, settle, take, user},
    world::{START, World, order},
};

/// As the store lays them out: user and currency -> version and balance; book and version -> transfer.
pub(super) const BOOKS: TableDefinition<'_, [u8; 19], &[u8]> = TableDefinition::new("payment.books");
pub(super) const TRANSFERS: TableDefinition<'_, ([u8; 19], u64), &[u8]> =
    TableDefinition::new("payment.transfers");

/// The store's key of a book of `user`.
pub(super) fn book_key(user: u64, currency: &str) -> [u8; 19] {
    let mut key = [0; 19];
    key[8..16].copy_from_slice(&user.to_be_bytes());
    key[16..].copy_from_slice(currency.as_bytes());
    key
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_paid_adds_up_and_agrees_with_the_provider() {
    let mut world = World::start().await;
    let (mut last, user) = (String::new(), world.user("ada@example.org").await);
    let tokens = ["tok_ok", "tok_decline", "tok_decline_capture", "tok_decline_refund", "tok_5xx_once"];
    for (n, token) in tokens.into_iter().enumerate() {
        let payment = world.create(order(&user, 1_000, token, &format!("create {n}"))).await.unwrap();
        last = payment.payment_id;
        if token != "tok_decline" {
            world.capture(&last, Some(700), &format!("capture {n}")).await.unwrap();
        }
        if token != "tok_decline" && token != "tok_decline_capture" {
            world.refund(&last, Some(100), &format!("refund {n}")).await.unwrap();
        }
    }
    let amount = Some(Money { amount_minor: 5_000, currency: "JPY".to_owned() });
    let yen = proto::payment::v1::CreatePaymentRequest {
        amount,
        capture_immediately: true,
        ..order(&user, 0, "tok_ok", "yen")
    };
    world.create(yen).await.unwrap();
    let voided = world.create(order(&user, 1, "tok_ok", "to be canceled")).await.unwrap();
    world.cancel(&voided.payment_id, "cancel").await.unwrap();

    let report = reconcile(&mut world).await;
    assert_eq!(found(&report), [], "{report:?}");
    let listed = i64::try_from(world.transactions().await.len()).unwrap();
    // Six authorizations and a release in euros, four captures and three refunds; two operations in yen.
    assert_eq!((listed, report.transactions, report.operations), (16, 16, 16));
    assert_eq!((report.books, report.healed), (2, 0));
    let euros = i64::try_from(world.ledger(&user).await.len()).unwrap();
    assert_eq!(report.entries, euros + 2);
    let total = |currency: &str, captured_minor, refunded_minor| CurrencyTotal {
        currency: currency.to_owned(),
        captured_minor,
        refunded_minor,
    };
    assert_eq!(report.totals, [total("EUR", 2_100, 200), total("JPY", 5_000, 0)]);
    assert_eq!(world.get(&last).await.unwrap().refunded.unwrap().amount_minor, 100);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sum_that_has_no_room_is_told_as_the_largest() {
    let mut world = World::start_with(QUIET).await;
    let store = world.service().store.clone();
    for n in 0..2 {
        captured(&store, n, euro(i64::MAX), START).await;
    }
    let report = reconcile(&mut world).await;
    assert_eq!(report.totals[0].captured_minor, i64::MAX);
    assert!(report.findings.iter().all(|finding| finding.kind() == Kind::MissingThere), "{report:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balance_that_is_not_the_sum_of_its_entries_is_found() {
    let mut world = World::start_with(QUIET).await;
    let (store, engine) = (world.service().store.clone(), world.service().engine.clone());
    // Two books of as many commits, one of them with the other's balance.
    for (n, minor) in [(1, 100), (2, 130)] {
        let payment = payment::domain::NewPayment { user: user(n), ..new(n, euro(minor), START) };
        crate::conformance::support::create(&store, payment, None, START).await.unwrap();
        settle(&store, nth(n), payment::domain::Outcome::Settled, START).await;
    }
    let (from, to) = (book_key(1, "EUR"), book_key(2, "EUR"));
    let mixed_up = engine.write(move |txn| {
        let mut books = txn.open_table(BOOKS)?;
        let row = books.get(from)?.unwrap().value().to_vec();
        books.insert(to, row.as_slice())?;
        Ok::<_, redb::Error>(Ok::<_, ()>(()))
    });
    mixed_up.await.unwrap();
    let report = reconcile(&mut world).await;
    let wrong: Vec<_> = report.findings.iter().filter(|finding| finding.kind() == Kind::BookWrong).collect();
    assert_eq!(wrong.len(), 1, "{report:?}");
    assert_eq!((wrong[0].operation.as_str(), wrong[0].book.as_str()), ("", &*format!("{}|EUR", user(2))));
    assert!(wrong[0].description.contains("held 100") && wrong[0].description.contains("held 130"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_is_gone_or_twice_is_found() {
    let mut world = World::start_with(QUIET).await;
    let (store, engine) = (world.service().store.clone(), world.service().engine.clone());
    let id = captured(&store, 1, euro(100), START).await;
    take(&store, id, |payment| payment.refund(None, START)).await.unwrap();
    captured(&store, 2, money(100, "USD"), START).await;
    captured(&store, 3, money(100, "JPY"), START).await;
    let changed = engine.write(move |txn| {
        let mut transfers = txn.open_table(TRANSFERS)?;
        // The capture of the euros; the refund that follows gives back what was never taken.
        transfers.remove((book_key(1, "EUR"), 4))?.unwrap();
        // Once more what resolved the authorization, in the place of the commit that asked for it.
        let row = transfers.get((book_key(1, "USD"), 4))?.unwrap().value().to_vec();
        transfers.insert((book_key(1, "USD"), 3), row.as_slice())?;
        Ok::<_, redb::Error>(Ok::<_, ()>(()))
    });
    changed.await.unwrap();
    let report = reconcile(&mut world).await;
    let mut wrong: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.kind() == Kind::BookWrong)
        .map(|finding| (finding.book.clone(), finding.description.as_str()))
        .collect();
    wrong.sort();
    let book = |code| format!("{}|{code}", user(1));
    let capture = |n, code| format!("Capture of 1.00 {code} under {}, settled", key(n, 2));
    let expected = [
        (book("EUR"), format!("{}, has 0 entries instead of one", capture(1, "EUR"))),
        (book("EUR"), "entry 5: more than was captured would be given back".to_owned()),
        (book("USD"), format!("{}, has 2 entries instead of one", capture(2, "USD"))),
        (book("USD"), "entry 4: there is no such pending transfer to resolve".to_owned()),
    ];
    let wrong: Vec<_> = wrong.into_iter().map(|(book, what)| (book, what.to_owned())).collect();
    assert_eq!(wrong, expected);
    assert_eq!(report.books, 3);
    world.stop().await;
}
