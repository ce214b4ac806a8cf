//! Lists that no provider should give.

use std::time::Duration;

use payment::{
    app::{FindingKind, Report},
    domain::OperationKind::{Authorize, Capture},
    error::Error,
    provider::Unreadable,
};

use super::{
    key,
    shelf::{Desk, Shelf, done, page},
};
use crate::{
    conformance::support::{authorized, captured, euro},
    world::START,
};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn found(report: &Report) -> Vec<(FindingKind, &str, &str)> {
    let findings = report.findings.iter();
    findings.map(|finding| (finding.kind, finding.about.as_str(), finding.description.as_str())).collect()
}

#[tokio::test]
async fn one_that_cannot_be_read_is_told_and_hides_no_other() {
    let odd = |key: &str| Unreadable { key: key.to_owned(), why: "an unknown currency".to_owned() };
    let shelf = Shelf::of(vec![page(
        vec![done(&key(1, 1), Authorize), done("x:1", Capture)],
        vec![odd("y:1"), odd(&key(2, 1))],
        None,
    )]);
    let desk = Desk::with(shelf, DAY).await;
    for n in 1..=3 {
        authorized(&desk.store, n, euro(100), START).await;
    }
    for _ in 0..2 {
        let report = desk.reconciliation.run().await.unwrap();
        let unreadable = "listed there, but it cannot be read: an unknown currency";
        let expected = [
            (FindingKind::MissingHere, "x:1", "Capture of 1.00 EUR that nobody asked for"),
            (FindingKind::MissingHere, "y:1", unreadable),
            (FindingKind::StateMismatch, &*key(2, 1), unreadable),
            (
                FindingKind::MissingThere,
                &*key(3, 1),
                "Authorize of 1.00 EUR of which the provider knows nothing",
            ),
        ];
        assert_eq!(found(&report), expected);
        assert_eq!((report.transactions, report.operations), (4, 3));
    }
    desk.close().await;
}

#[tokio::test]
async fn what_the_provider_did_twice_under_one_key_is_found() {
    let all = |seq, kind| (0..300).map(move |n| done(&key(n, seq), kind)).collect::<Vec<_>>();
    let twice = vec![done(&key(7, 2), Capture), done(&key(9, 1), Authorize), done(&key(9, 1), Authorize)];
    let shelf = Shelf::of(vec![
        page(all(1, Authorize), vec![], Some(1)),
        page(all(2, Capture), vec![], Some(2)),
        page(twice, vec![], None),
    ]);
    let desk = Desk::with(shelf, DAY).await;
    for n in 0..300 {
        captured(&desk.store, n, euro(100), START).await;
    }
    let report = desk.reconciliation.run().await.unwrap();
    let expected = [
        (FindingKind::TwiceThere, &*key(7, 2), "the provider lists it 2 times"),
        (FindingKind::TwiceThere, &*key(9, 1), "the provider lists it 3 times"),
    ];
    assert_eq!(found(&report), expected);
    assert_eq!(desk.shelf.read().len(), 2, "it was listed once more");
    desk.close().await;
}

#[tokio::test]
async fn what_was_not_listed_is_looked_up_and_not_listed_again() {
    let desk = Desk::with(Shelf::of(vec![page(vec![], vec![], None)]), DAY).await;
    for n in 0..20 {
        authorized(&desk.store, n, euro(100), START).await;
    }
    let report = desk.reconciliation.run().await.unwrap();
    assert!(report.findings.iter().all(|finding| finding.kind == FindingKind::MissingThere));
    assert_eq!((report.found, desk.shelf.read().len()), (20, 1));
    desk.close().await;
}

#[tokio::test]
async fn a_list_without_an_end_ends_the_run_and_leaves_what_was_found() {
    let there = |n, next| page(vec![done(&format!("x:{n}"), Capture)], vec![], Some(next));
    let lists = [
        // Nothing, and always more of it.
        vec![there(1, 1)],
        // Around and around.
        vec![there(1, 1), there(2, 2), there(3, 1)],
        vec![there(1, 0)],
    ];
    for (pages, found) in lists.into_iter().zip([1, 3, 1]) {
        let desk = Desk::with(Shelf::of(pages), DAY).await;
        let run = desk.reconciliation.run().await;
        assert!(matches!(run, Err(Error::ProviderUnavailable(_))), "{run:?}");
        let report = desk.reconciliation.last().unwrap();
        let why = report.incomplete.unwrap();
        assert!(why.contains("the same pages for ever, or none"), "{why}");
        assert_eq!(report.found, found);
        desk.close().await;
    }
}

#[tokio::test]
async fn a_few_empty_pages_are_a_list_like_any_other() {
    let mut pages: Vec<_> = (1..=50).map(|next| page(vec![], vec![], Some(next))).collect();
    pages.push(page(vec![done(&key(1, 1), Authorize)], vec![], None));
    let desk = Desk::with(Shelf::of(pages), DAY).await;
    authorized(&desk.store, 1, euro(100), START).await;
    let report = desk.reconciliation.run().await.unwrap();
    assert_eq!((found(&report), report.transactions), (vec![], 1));
    desk.close().await;
}
