//! Entries, operations and payments that do not say the same, though every book adds up.

use payment::domain::Outcome;
use proto::payment::v1::{Report, finding::Kind};
use redb::{ReadableTable as _, TableDefinition};

use super::{
    QUIET,
    books::{BOOKS, TRANSFERS, book_key},
    key, nth, reconcile,
};
use crate::{
    conformance::support::{authorized, captured, create, euro, new, settle, take, user},
    world::{START, World},
};

/// Payment and number -> what was asked for and how it ended; payment -> payment.
const OPERATIONS: TableDefinition<'_, ([u8; 16], u32), &[u8]> = TableDefinition::new("payment.operations");
const PAYMENTS: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("payment.payments");

/// What is wrong with which book, in order.
fn wrong(report: &Report) -> Vec<(String, String)> {
    let wrong = report.findings.iter().filter(|finding| finding.kind() == Kind::BookWrong);
    let mut wrong: Vec<_> =
        wrong.map(|finding| (finding.book.clone(), finding.description.clone())).collect();
    wrong.sort();
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_captured_without_an_entry_is_found_in_a_book_that_adds_up() {
    let mut world = World::start_with(QUIET).await;
    let (store, engine) = (world.service().store.clone(), world.service().engine.clone());
    captured(&store, 1, euro(100), START).await;
    // Another user's book, as this one was before the capture.
    let before = payment::domain::NewPayment { user: user(2), ..new(2, euro(100), START) };
    create(&store, before, None, START).await.unwrap();
    settle(&store, nth(2), Outcome::Settled, START).await;
    assert_eq!(wrong(&reconcile(&mut world).await), []);
    let changed = engine.write(move |txn| {
        txn.open_table(TRANSFERS)?.remove((book_key(1, "EUR"), 4))?.unwrap();
        let mut books = txn.open_table(BOOKS)?;
        let row = books.get(book_key(2, "EUR"))?.unwrap().value().to_vec();
        books.insert(book_key(1, "EUR"), row.as_slice())?;
        Ok::<_, redb::Error>(Ok::<_, ()>(()))
    });
    changed.await.unwrap();
    let what = format!("Capture of 1.00 EUR under {}, settled, has 0 entries instead of one", key(1, 2));
    assert_eq!(wrong(&reconcile(&mut world).await), [(format!("{}|EUR", user(1)), what)]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_payment_gave_back_of_another_ones_money_is_found() {
    let mut world = World::start_with(QUIET).await;
    let (store, engine) = (world.service().store.clone(), world.service().engine.clone());
    // Three in one book: a small one, a large one that covers it, and one that was canceled.
    for (n, minor, back) in [(1, 100, 40), (2, 900, 300)] {
        captured(&store, n, euro(minor), START).await;
        take(&store, nth(n), |payment| payment.refund(Some(euro(back)), START)).await.unwrap();
        settle(&store, nth(n), Outcome::Settled, START).await;
    }
    authorized(&store, 3, euro(100), START).await;
    take(&store, nth(3), |payment| payment.cancel(START)).await.unwrap();
    settle(&store, nth(3), Outcome::Settled, START).await;
    assert_eq!(wrong(&reconcile(&mut world).await), []);
    let id = |n| nth(n).0.into_bytes();
    let changed = engine.write(move |txn| {
        let mut operations = txn.open_table(OPERATIONS)?;
        // The small one gave back what the large one did.
        let row = operations.get((id(2), 3))?.unwrap().value().to_vec();
        operations.insert((id(1), 3), row.as_slice())?;
        // The release was never asked for.
        operations.remove((id(3), 2))?.unwrap();
        Ok::<_, redb::Error>(Ok::<_, ()>(()))
    });
    changed.await.unwrap();
    let told: Vec<_> = wrong(&reconcile(&mut world).await).into_iter().map(|(_, what)| what).collect();
    let given_back = "(held 0, captured 100, refunding 0, refunded 300)";
    let refund = format!("0.40 EUR does not follow from Refund of 3.00 EUR under {}, settled", key(1, 3));
    let expected = [
        format!("entry 16: operation {} is not there", key(3, 2)),
        format!("entry 5: {refund}"),
        format!("entry 6: {refund}"),
        format!("payment {}: of 100 authorized, its operations add up to {given_back}", nth(1)),
        format!("payment {}: it has 2 operations, and 1 are there", nth(3)),
    ];
    assert_eq!(told, expected);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_is_not_what_its_operations_say_is_found() {
    let mut world = World::start_with(QUIET).await;
    let (store, engine) = (world.service().store.clone(), world.service().engine.clone());
    captured(&store, 1, euro(100), START).await;
    authorized(&store, 2, euro(100), START).await;
    take(&store, nth(2), |payment| payment.cancel(START)).await.unwrap();
    settle(&store, nth(2), Outcome::Settled, START).await;
    let id = |n| nth(n).0.into_bytes();
    let changed = engine.write(move |txn| {
        // As many operations, but another balance: the first is captured, and its row says that it is not.
        let mut payments = txn.open_table(PAYMENTS)?;
        let row = payments.get(id(2))?.unwrap().value().to_vec();
        payments.insert(id(1), row.as_slice())?;
        Ok::<_, redb::Error>(Ok::<_, ()>(()))
    });
    changed.await.unwrap();
    let (kept, sum) =
        ("held 0, captured 0, refunding 0, refunded 0", "held 0, captured 100, refunding 0, refunded 0");
    let what = format!("payment {}: its balance is ({kept}) and its operations add up to ({sum})", nth(1));
    assert_eq!(wrong(&reconcile(&mut world).await), [(format!("{}|EUR", user(1)), what)]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_in_the_book_of_somebody_else_is_found() {
    let mut world = World::start_with(QUIET).await;
    let (store, engine) = (world.service().store.clone(), world.service().engine.clone());
    captured(&store, 1, euro(100), START).await;
    let changed = engine.write(move |txn| {
        let (from, to) = (book_key(1, "EUR"), book_key(2, "EUR"));
        let mut books = txn.open_table(BOOKS)?;
        let row = books.remove(from)?.unwrap().value().to_vec();
        books.insert(to, row.as_slice())?;
        let mut transfers = txn.open_table(TRANSFERS)?;
        for version in [2, 4] {
            let row = transfers.remove((from, version))?.unwrap().value().to_vec();
            transfers.insert((to, version), row.as_slice())?;
        }
        Ok::<_, redb::Error>(Ok::<_, ()>(()))
    });
    changed.await.unwrap();
    let what = format!("entry 2: {} is of no payment of this book", key(1, 1));
    assert_eq!(wrong(&reconcile(&mut world).await), [(format!("{}|EUR", user(2)), what)]);
    world.stop().await;
}
