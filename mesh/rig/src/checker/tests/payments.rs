//! P1 and P2, each broken by itself.

use super::{
    Invariant::{P1, P2},
    Story,
    builder::{capture, create, eur, get_payment, pay, payment, refund, text, transaction, user},
    clean::payments,
};
use crate::history::{Answer, Found};

fn told(id: &str, minor: i64, state: &str, taken: i64, given: i64, version: u64) -> Answer {
    Answer::Payment(payment(id, minor, state, taken, given, version))
}

fn is_transaction(found: &Found, key: &str) -> bool {
    matches!(found, Found::Transaction(found) if found.key == key)
}

fn is_entry(found: &Found, operation: &str) -> bool {
    matches!(found, Found::Entry(found) if found.operation == operation)
}

/// The payment was found so.
fn found_as(id: &str, minor: i64, state: &str, taken: i64, given: i64, version: u64) -> Story {
    let found_so = payment(id, minor, state, taken, given, version);
    payments().find(move |found| match found {
        Found::Payment(found) if found.payment_id == found_so.payment_id => *found = found_so.clone(),
        _ => {}
    })
}

#[test]
fn a_transaction_of_no_payment_breaks_p1() {
    let story = payments().and(Found::Transaction(transaction("p9:1", "AUTHORIZE", 70, "SETTLED")));
    story.breaks(P1, "the provider has AUTHORIZE p9:1 of no payment of ours");
    let refused = payments().and(Found::Transaction(transaction("p9:1", "AUTHORIZE", 70, "DECLINED")));
    refused.breaks(P1, "the provider has AUTHORIZE p9:1 of no payment of ours");
}

#[test]
fn a_new_key_on_retry_breaks_p1() {
    let story = payments().and(Found::Transaction(transaction("p4:2", "AUTHORIZE", 70, "SETTLED")));
    story.breaks(P1, "AUTHORIZE p4:2 is SETTLED there and not entered here");
    // Also if only the second one was entered.
    let story = payments().find(|found| match found {
        Found::Entry(found) if found.operation == "p4:1" => found.operation = text("p4:2"),
        _ => {}
    });
    let story = story.and(Found::Transaction(transaction("p4:2", "AUTHORIZE", 70, "SETTLED")));
    story.breaks(P1, "payment p4 is AUTHORIZED, but the provider held 2, took 0");
}

#[test]
fn what_is_settled_twice_breaks_p1() {
    let story = payments().and(Found::Transaction(transaction("p1:2", "CAPTURE", 800, "SETTLED")));
    story.clone().breaks(P1, "transaction p1:2 was done twice");
    story.breaks(P1, "of payment p1 the provider took 1600 and not 800");
}

#[test]
fn what_was_never_done_breaks_p1() {
    for key in ["p1:1", "p1:2", "p1:3", "p2:2", "p6:3"] {
        let story = payments().without(|found| is_transaction(found, key));
        story.breaks(P1, &format!("{key} was entered here and is not so there"));
    }
}

#[test]
fn what_was_refused_there_and_entered_here_breaks_p1() {
    for (key, is) in [("p4:1", "PENDING"), ("p6:2", "POSTED"), ("p1:3", "POSTED")] {
        let story = payments().find(|found| match found {
            Found::Transaction(found) if found.key == key => found.status = text("DECLINED"),
            _ => {}
        });
        story.breaks(P1, &format!("{is} {key} was entered here and is not so there"));
    }
    let settled = payments().find(|found| match found {
        Found::Transaction(found) if found.key == "p3:1" => found.status = text("SETTLED"),
        _ => {}
    });
    settled.breaks(P1, "payment p3 is DECLINED, but the provider held 1");
}

#[test]
fn another_amount_breaks_p1() {
    let with = |minor: i64, currency: &'static str| {
        payments().find(move |found| match found {
            Found::Transaction(found) if found.key == "p4:1" => {
                (found.amount.minor, found.amount.currency) = (minor, text(currency));
            }
            _ => {}
        })
    };
    with(71, "EUR").breaks(P1, "AUTHORIZE p4:1 is of 71 EUR there and of 70 EUR here");
    with(70, "USD").breaks(P1, "AUTHORIZE p4:1 is of 70 USD there and of 70 EUR here");
}

#[test]
fn what_is_under_way_when_all_is_quiet_breaks_p1() {
    for state in ["AUTHORIZING", "CAPTURING", "VOIDING", "NEEDS_RECONCILIATION"] {
        found_as("p4", 70, state, 0, 0, 3).breaks(P1, &format!("payment p4 is still {state}"));
    }
    let story = payments().and(Found::Transaction(transaction("p4:2", "CAPTURE", 70, "PENDING")));
    let story = story.before_quiet(|story| story.unknown(capture("q11", "p4", 70)));
    story.breaks(P1, "transaction p4:2 is still PENDING");
}

#[test]
fn a_lost_payment_breaks_p1() {
    let of_p3 = |found: &Found| matches!(found, Found::Payment(found) if found.payment_id == "p3");
    let broken = payments().without(of_p3).broken();
    assert!(
        broken.iter().any(|v| v.invariant == P1 && v.what == "payment p3 was told of and is lost"),
        "{broken:?}"
    );
}

#[test]
fn a_payment_that_went_back_breaks_p1() {
    found_as("p3", 60, "DECLINED", 0, 0, 1).breaks(P1, "payment p3 is older than it was told");
    found_as("p3", 60, "FAILED", 0, 0, 2).breaks(P1, "payment p3 is another at the same version");
    let story = found_as("p6", 80, "CAPTURED", 80, 0, 5).find(|found| match found {
        Found::Payment(found) if found.payment_id == "p6" => found.user_id = text("bob"),
        _ => {}
    });
    let broken = story.broken();
    assert!(broken.iter().any(|v| v.what == "payment p6 does not go on from what was told"), "{broken:?}");
}

#[test]
fn a_state_that_does_not_fit_the_books_breaks_p1() {
    // Its capture is in no book.
    found_as("p2", 50, "AUTHORIZED", 0, 0, 4)
        .without(|found| matches!(found, Found::Notification(n) if n.template == "payment_canceled"))
        .without(|found| matches!(found, Found::Mail(mail) if mail.message_id == "ada/payment_canceled2"))
        .breaks(P1, "payment p2 is AUTHORIZED, but the provider held 1, took 0, let go 1");
}

#[test]
fn another_state_than_the_provider_s_breaks_p1() {
    found_as("p1", 1_000, "CAPTURED", 800, 300, 7)
        .breaks(P1, "payment p1 is CAPTURED, but the provider held 1");
    found_as("p6", 80, "PARTIALLY_REFUNDED", 80, 0, 5).breaks(P1, "payment p6 is PARTIALLY_REFUNDED, but");
    let broken = found_as("p4", 70, "VOIDED", 0, 0, 4).broken();
    assert!(
        broken.iter().any(|v| v.what.starts_with("payment p4 is VOIDED, but the provider")),
        "{broken:?}"
    );
}

#[test]
fn a_refused_refund_that_was_not_entered_breaks_p1() {
    let story = payments().without(|found| is_entry(found, "p6:3"));
    story.breaks(P1, "REFUND p6:3 is DECLINED there and not entered here");
}

#[test]
fn a_payment_that_nobody_declined_breaks_p1() {
    let story = payments().without(|found| is_transaction(found, "p3:1"));
    story.breaks(P1, "payment p3 is DECLINED, and the provider never refused it");
}

#[test]
fn more_that_is_held_than_was_asked_for_breaks_p1() {
    let story = payments().find(|found| match found {
        Found::Entry(found) if found.operation == "p4:1" => found.amount.minor = 71,
        Found::Transaction(found) if found.key == "p4:1" => found.amount.minor = 71,
        Found::Balance(found) => found.held_minor = 71,
        _ => {}
    });
    story.breaks(P1, "of payment p4 the provider held 71 and not 70");
}

#[test]
fn less_than_was_told_breaks_p1() {
    for (taken, given) in [(700, 300), (800, 200)] {
        let broken = found_as("p1", 1_000, "PARTIALLY_REFUNDED", taken, given, 7).broken();
        let what = "payment p1 does not go on from what was told";
        assert!(broken.iter().any(|v| v.invariant == P1 && v.what == what), "{broken:?}");
    }
}

#[test]
fn one_request_with_two_payments_breaks_p2() {
    let story = payments().before_quiet(|story| {
        story.done(pay("q4", "ada", 50), told("p1", 1_000, "PARTIALLY_REFUNDED", 800, 300, 6));
    });
    let broken = story.broken();
    let what = "CreatePayment q4 was answered with payments p2 and p1";
    assert!(broken.iter().any(|v| v.invariant == P2 && v.what == what), "{broken:#?}");
    let repeated = payments().before_quiet(|story| {
        story.done(pay("q4", "ada", 50), told("p2", 50, "VOIDED", 0, 0, 4));
    });
    repeated.holds();
}

#[test]
fn a_payment_beyond_the_requests_breaks_p2() {
    let another = |id: &'static str| {
        payments()
            .and(Found::Payment(payment(id, 70, "DECLINED", 0, 0, 2)))
            .and(Found::Transaction(transaction(&format!("{id}:1"), "AUTHORIZE", 70, "DECLINED")))
            .and(Found::Notification(crate::history::Notification {
                user_id: text("ada"),
                template: text("payment_failed"),
                payment_id: None,
                message_id: text(id),
                state: text("SENT"),
            }))
            .and(Found::Mail(crate::history::Mail { message_id: text(id), deliveries: 1 }))
    };
    // Two requests for 70 are unknown, and p4 is one of them.
    another("p7").holds();
    let third = another("p7").find(|found| match found {
        Found::Payment(found) if found.payment_id == "p7" => found.amount = eur(71),
        Found::Transaction(found) if found.key == "p7:1" => found.amount = eur(71),
        _ => {}
    });
    third.breaks(P2, "nobody asked for payment p7");
    // A repeat of a request that was answered is no further one.
    let repeated = another("p7").before_quiet(|story| story.unknown(pay("q6", "ada", 60)));
    let repeated = repeated.find(|found| match found {
        Found::Payment(found) if found.payment_id == "p7" => found.amount = eur(60),
        Found::Transaction(found) if found.key == "p7:1" => found.amount = eur(60),
        _ => {}
    });
    repeated.breaks(P2, "nobody asked for payment p7");
}

#[test]
fn one_payment_of_two_requests_breaks_p2() {
    let story = payments().before_quiet(|story| {
        story.done(pay("q11", "ada", 50), told("p2", 50, "VOIDED", 0, 0, 4));
    });
    story.breaks(P2, "requests q11 and q4 were answered with one payment, p2");
}

#[test]
fn a_reused_name_that_succeeds_breaks_p2() {
    let story = payments().before_quiet(|story| {
        story.done(refund("q3", "p1", 301), told("p1", 1_000, "PARTIALLY_REFUNDED", 800, 300, 6));
    });
    story.breaks(P2, "RefundPayment q3 succeeded with two contents");
    // Under another method it is another name.
    let story = payments().before_quiet(|story| {
        story.refused(capture("q3", "p1", 1), "FAILED_PRECONDITION", "ALREADY_CAPTURED");
        story.refused(create("q1", "ada@example.org", "X"), "ALREADY_EXISTS", "EMAIL_TAKEN");
    });
    story.holds();
}

#[test]
fn a_name_that_was_not_reused_breaks_p2() {
    let refuse =
        |call| payments().before_quiet(|story| story.refused(call, "INVALID_ARGUMENT", "REQUEST_ID_REUSED"));
    refuse(refund("q3", "p1", 301)).holds();
    // An unknown call may have used it.
    refuse(pay("q7", "ada", 71)).holds();
    refuse(refund("q3", "p1", 300)).breaks(P2, "RefundPayment q3 was refused as reused, and was not");
    refuse(pay("q12", "ada", 1)).breaks(P2, "CreatePayment q12 was refused as reused, and was not");
    // Neither a call that was refused nor one that came later used it.
    let (first, second) = (pay("q12", "ada", 1), pay("q12", "ada", 2));
    let story = payments().before_quiet(|story| {
        story.refused(first, "FAILED_PRECONDITION", "X");
        story.refused(second, "INVALID_ARGUMENT", "REQUEST_ID_REUSED");
    });
    story.breaks(P2, "CreatePayment q12 was refused as reused, and was not");
    refuse(pay("q12", "ada", 1))
        .before_quiet(|story| story.unknown(pay("q12", "ada", 2)))
        .breaks(P2, "CreatePayment q12 was refused as reused, and was not");
}

#[test]
fn a_reused_name_that_is_refused_for_something_else_breaks_p2() {
    let refuse =
        |call, code: &str, reason: &str| payments().before_quiet(|story| story.refused(call, code, reason));
    let above = ("FAILED_PRECONDITION", "AMOUNT_ABOVE_CAPTURED");
    refuse(refund("q3", "p1", 900), above.0, above.1)
        .breaks(P2, "RefundPayment q3 was refused for FAILED_PRECONDITION AMOUNT_ABOVE_CAPTURED, and not as");
    refuse(refund("q3", "p1", 300), above.0, above.1).breaks(P2, ", and had been acknowledged");
    // Whoever reached nobody was told nothing.
    refuse(refund("q3", "p1", 900), "UNAVAILABLE", "CONNECT_FAILED").holds();
    // Nor is it wrong while the first call is not acknowledged.
    refuse(refund("q10", "p6", 900), above.0, above.1).holds();
    let mut story = Story::new();
    let first = story.begin(1, create("r1", "ada@example.org", "Ada"));
    let second = story.begin(2, create("r1", "ada@example.org", "A"));
    story.ok(first, Answer::User(user("ada", "Ada", 1)));
    story.fail(second, "ALREADY_EXISTS", "EMAIL_TAKEN");
    story.quiet();
    story.whole(user("ada", "Ada", 1), super::builder::profile("ada", "Ada", 1));
    story.clone().holds();
    let story = story.before_quiet(|story| {
        story.refused(create("r1", "ada@example.org", "A"), "ALREADY_EXISTS", "EMAIL_TAKEN");
    });
    story.breaks(P2, "CreateUser r1 was refused for ALREADY_EXISTS EMAIL_TAKEN, and not as reused");
}

#[test]
fn a_payment_that_is_listed_twice_breaks_p1() {
    let again = Found::Payment(payment("p3", 60, "DECLINED", 0, 0, 2));
    payments().and(again).breaks(P1, "payment p3 was found twice");
}

#[test]
fn an_answer_about_another_payment_breaks_p2() {
    let story = payments().before_quiet(|story| {
        story.done(get_payment("p2"), told("p3", 60, "DECLINED", 0, 0, 2));
    });
    story.breaks(P2, "GetPayment of payment p2 was answered with p3");
}

#[test]
fn a_payment_of_another_user_or_amount_breaks_p1() {
    let story = payments().before_quiet(|story| {
        story.done(create("r20", "zed@example.org", "Zed"), Answer::User(user("zed", "Zed", 1)));
    });
    let mut story = story;
    story.whole(user("zed", "Zed", 1), super::builder::profile("zed", "Zed", 1));
    story.clone().holds();
    let story = story.before_quiet(|story| {
        story.done(pay("q13", "zed", 90), told("p8", 90, "DECLINED", 0, 0, 2));
    });
    let mut story = story.and(Found::Payment(payment("p8", 90, "DECLINED", 0, 0, 2)));
    story.found(Found::Transaction(transaction("p8:1", "AUTHORIZE", 90, "DECLINED")));
    story.mailed("ada", "payment_failed", "8");
    story.breaks(P1, "payment p8 is another than was asked for");
}

#[test]
fn an_unsettled_refund_breaks_what_it_leaves_open() {
    // The reservation is there, and neither book says how it ended.
    let story = payments()
        .without(|found| is_transaction(found, "p6:3"))
        .without(|found| is_entry(found, "p6:3") && matches!(found, Found::Entry(e) if e.phase == "VOIDED"))
        .find(|found| match found {
            Found::Payment(found) if found.payment_id == "p6" => found.state = text("REFUNDING"),
            Found::Balance(balance) => {
                (balance.refunding_minor, balance.available_minor) = (80, 500);
            }
            _ => {}
        });
    story.breaks(P1, "payment p6 is still REFUNDING");
}
