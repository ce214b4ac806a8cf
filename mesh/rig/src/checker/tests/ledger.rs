//! L1, broken by itself.

use super::{
    Invariant::{L1, P1, P2},
    Story,
    builder::{balance, entry, payment, refund, text, transaction},
    clean::payments,
};
use crate::history::{Entry, Found};

/// Changes ada's entry of this operation and phase.
fn entered(operation: &'static str, phase: &'static str, change: impl Fn(&mut Entry)) -> Story {
    payments().find(move |found| match found {
        Found::Entry(found) if found.operation == operation && found.phase == phase => change(found),
        _ => {}
    })
}

fn balanced(story: Story, held: i64, captured: i64, refunding: i64, refunded: i64) -> Story {
    story.find(move |found| {
        if let Found::Balance(found) = found {
            *found = balance(held, captured, refunding, refunded);
        }
    })
}

#[test]
fn a_balance_that_is_not_the_sum_breaks_l1() {
    balanced(payments(), 71, 880, 0, 300).breaks(L1, "ada's EUR says held 71, and the entries say 70");
    let wrong = payments().find(|found| {
        if let Found::Balance(found) = found {
            found.available_minor += 1;
        }
    });
    wrong.breaks(L1, "ada's EUR says available 581, and the entries say 580");
    payments()
        .without(|found| matches!(found, Found::Balance(_)))
        .breaks(L1, "nobody looked for the balance");
}

#[test]
fn a_balance_of_nothing_breaks_l1() {
    let other = |held| {
        let mut balance = balance(held, 0, 0, 0);
        balance.currency = text("USD");
        payments().and(Found::Balance(balance))
    };
    other(0).holds();
    other(1).breaks(L1, "ada's USD says held 1, and the entries say 0");
    other(-1).breaks(L1, "ada's USD has something below zero");
}

#[test]
fn a_refund_above_what_was_captured_breaks_l1() {
    let story = payments().find(|found| match found {
        Found::Payment(found) if found.payment_id == "p6" => {
            *found = payment("p6", 80, "REFUNDED", 80, 160, 7);
        }
        Found::Entry(found) if found.operation == "p6:3" && found.phase == "VOIDED" => {
            *found = entry(17, "p6:3", "POSTED", false, 80);
        }
        Found::Transaction(found) if found.key == "p6:3" => found.status = text("SETTLED"),
        Found::Balance(found) => *found = balance(70, 880, 0, 460),
        _ => {}
    });
    let mut story = story;
    story.found(Found::Entry(entry(18, "p6:4", "PENDING", false, 80)));
    story.found(Found::Entry(entry(19, "p6:4", "POSTED", false, 80)));
    story.found(Found::Transaction(transaction("p6:4", "REFUND", 80, "SETTLED")));
    story.mailed("ada", "payment_refunded", "6");
    story.mailed("ada", "payment_refunded", "7");
    let story = story.before_quiet(|story| story.unknown(refund("q11", "p6", 80)));
    story.breaks(L1, "of payment p6 160 was given back of 80");
}

#[test]
fn a_capture_above_what_was_authorized_breaks_l1() {
    let story = payments().find(|found| match found {
        Found::Payment(found) if found.payment_id == "p6" => *found = payment("p6", 80, "CAPTURED", 90, 0, 5),
        Found::Entry(found) if found.operation == "p6:2" => found.amount.minor = 90,
        Found::Transaction(found) if found.key == "p6:2" => found.amount.minor = 90,
        _ => {}
    });
    let story = story.find(|found| {
        if let Found::Balance(found) = found {
            *found = balance(70, 890, 0, 300);
        }
    });
    story.breaks_with(L1, &[P2], "of payment p6 90 was taken of 80");
}

#[test]
fn a_refund_above_what_was_reserved_breaks_l1() {
    let story = payments().find(|found| match found {
        Found::Payment(found) if found.payment_id == "p1" => {
            *found = payment("p1", 1_000, "PARTIALLY_REFUNDED", 800, 301, 7);
        }
        Found::Entry(found) if found.operation == "p1:3" && found.phase == "POSTED" => {
            found.amount.minor = 301;
        }
        Found::Transaction(found) if found.key == "p1:3" => found.amount.minor = 301,
        _ => {}
    });
    balanced(story, 70, 880, 0, 301).breaks_with(L1, &[P2], "POSTED p1:3 moves more than was reserved");
}

#[test]
fn sequences_that_do_not_rise_break_l1() {
    entered("p1:2", "POSTED", |entry| entry.sequence = 2).breaks(L1, "in ada's EUR 2 follows 2");
    entered("p1:2", "POSTED", |entry| entry.sequence = 9).breaks(L1, "in ada's EUR 5 follows 9");
}

#[test]
fn a_transfer_that_is_entered_twice_breaks_l1() {
    let story = entered("p4:1", "PENDING", |entry| entry.transfer_id = text("p2:1/PENDING"));
    story.breaks(L1, "transfer p2:1/PENDING is entered twice");
}

#[test]
fn a_transfer_to_itself_or_of_nothing_breaks_l1() {
    let to_itself = entered("p4:1", "PENDING", |entry| entry.credit = text("CUSTOMER"));
    balanced(to_itself, 0, 880, 0, 300).breaks(L1, "transfer p4:1/PENDING is from CUSTOMER to CUSTOMER");
    let broken = entered("p4:1", "PENDING", |entry| entry.amount.minor = -70).broken();
    assert!(broken.iter().any(|v| v.what == "transfer p4:1/PENDING is of -70"), "{broken:?}");
    let broken = entered("p6:2", "POSTED", |entry| entry.credit = text("BANK")).broken();
    assert!(broken.iter().any(|v| v.what == "all accounts in EUR together are -80"), "{broken:?}");
}

#[test]
fn what_resolves_nothing_or_once_more_breaks_l1() {
    let nothing = payments().without(
        |found| matches!(found, Found::Entry(found) if found.operation == "p1:3" && found.phase == "PENDING"),
    );
    nothing.breaks(L1, "POSTED p1:3 moves what was never reserved");
    let again = payments()
        .and(Found::Entry(Entry { transfer_id: text("again"), ..entry(20, "p2:2", "VOIDED", true, 50) }));
    again.breaks(L1, "p2:2 resolves what was resolved before");
    let part = entered("p2:2", "VOIDED", |entry| entry.amount.minor = 49).broken();
    assert!(part.iter().any(|v| v.what == "VOIDED p2:2 lets go of what was not reserved"), "{part:?}");
    let twice = payments()
        .and(Found::Entry(Entry { transfer_id: text("again"), ..entry(20, "p4:1", "PENDING", true, 70) }));
    balanced(twice, 140, 880, 0, 300).breaks(L1, "PENDING p4:1 is pending twice");
}

#[test]
fn what_falls_below_zero_on_the_way_breaks_l1() {
    // The refund of p1 is entered before its capture: in the end it all adds up.
    let story = payments().find(|found| {
        let Found::Entry(found) = found else { return };
        match (found.operation.as_str(), found.phase.as_str()) {
            ("p1:2", "POSTED") => *found = entry(4, "p1:3", "PENDING", false, 300),
            ("p1:3", "PENDING") => *found = entry(5, "p1:2", "POSTED", true, 800),
            _ => {}
        }
    });
    story.breaks(L1, "ada's EUR falls below zero with p1:3");
}

#[test]
fn a_payment_that_is_not_its_entries_breaks_l1() {
    let story = payments().without(|found| matches!(found, Found::Entry(found) if found.operation == "p6:2"));
    let broken = balanced(story, 150, 800, 0, 300).broken();
    let what = "payment p6 says 80 taken and 0 given back, and the entries say 0 and 0";
    assert!(broken.iter().any(|v| v.invariant == L1 && v.what == what), "{broken:?}");
}

#[test]
fn an_entry_of_no_payment_breaks_l1() {
    let broken = entered("p4:1", "PENDING", |entry| entry.payment_id = text("p2")).broken();
    assert!(broken.iter().any(|v| v.what == "the entry of p4:1 is of no payment of ada"), "{broken:?}");
    let broken = payments().and(Found::Entry(entry(20, "p9:1", "PENDING", true, 1))).broken();
    assert!(broken.iter().any(|v| v.what == "the entry of p9:1 is of no payment of ada"), "{broken:?}");
}

#[test]
fn a_state_that_does_not_fit_what_was_given_back_breaks_l1() {
    let story = payments().find(|found| match found {
        Found::Payment(found) if found.payment_id == "p1" => {
            (found.state, found.version) = (text("REFUNDED"), 7);
        }
        _ => {}
    });
    story.breaks(L1, "payment p1 is REFUNDED, with 300 given back of 800");
}

#[test]
fn a_merchant_who_has_another_sum_than_others_say_breaks_l1_or_p1() {
    balanced(payments(), 70, 881, 0, 300).breaks(L1, "the merchant has 580 EUR, and the balances say 581");
    payments()
        .without(|found| matches!(found, Found::Transaction(found) if found.key == "p1:3"))
        .breaks(P1, "the merchant has 580 EUR, and the provider took 880");
    // Nothing of ours is in this currency: what the provider took there is missing all the same.
    let story = payments().find(|found| match found {
        Found::Transaction(found) if found.key == "p6:2" => found.amount.currency = text("USD"),
        _ => {}
    });
    story.breaks_with(P1, &[P2], "the merchant has 0 USD, and the provider took 80");
}

#[test]
fn a_balance_that_is_told_twice_breaks_l1() {
    payments()
        .and(Found::Balance(balance(70, 880, 0, 300)))
        .breaks(L1, "the balance of ada's EUR was found twice");
}
