//! P2 for captures, releases and refunds: what was done is what was asked for. Both books always agree here, so that
//! no other invariant tells it.

use super::{
    Invariant::P2,
    Story,
    builder::{balance, cancel, capture, entry, eur, pay, pay_at_once, payment, refund, text, transaction},
    clean::payments,
};
use crate::history::{Answer, Call, Found, Record};

fn told(id: &str, minor: i64, state: &str, taken: i64, given: i64, version: u64) -> Answer {
    Answer::Payment(payment(id, minor, state, taken, given, version))
}

/// A further refund of p1 was settled, by its operation 4, in both books.
fn refunded_again(story: Story, minor: i64) -> Story {
    let mut story = story.find(move |found| match found {
        Found::Payment(found) if found.payment_id == "p1" => {
            let state = if minor == 500 { "REFUNDED" } else { "PARTIALLY_REFUNDED" };
            *found = payment("p1", 1_000, state, 800, 300 + minor, 8);
        }
        Found::Balance(found) => *found = balance(70, 880, 0, 300 + minor),
        _ => {}
    });
    story.found(Found::Entry(entry(20, "p1:4", "PENDING", false, minor)));
    story.found(Found::Entry(entry(21, "p1:4", "POSTED", false, minor)));
    story.found(Found::Transaction(transaction("p1:4", "REFUND", minor, "SETTLED")));
    story.mailed("ada", "payment_refunded", "1b");
    story
}

/// The request names no amount.
fn for_all(story: Story, request: &str) -> Story {
    story.ask(request, |call| match call {
        Call::CapturePayment { amount, .. } | Call::RefundPayment { amount, .. } => *amount = None,
        _ => {}
    })
}

#[test]
fn a_refund_that_is_run_twice_breaks_p2() {
    let what = "REFUND p1:4 of 300 EUR is more than was asked for of payment p1";
    refunded_again(payments(), 300).breaks(P2, what);
    // However often it is asked for, under one request id it is one refund.
    let repeated = payments().before_quiet(|story| {
        story.unknown(refund("q3", "p1", 300));
        story.done(refund("q3", "p1", 300), told("p1", 1_000, "PARTIALLY_REFUNDED", 800, 300, 6));
    });
    refunded_again(repeated, 300).breaks(P2, what);
    // Under another one it may be another refund.
    let another = payments().before_quiet(|story| story.unknown(refund("q11", "p1", 300)));
    another.clone().holds();
    refunded_again(another, 300).holds();
}

#[test]
fn a_refund_that_was_refused_and_happened_breaks_p2() {
    let story = payments().before_quiet(|story| {
        story.refused(refund("q11", "p1", 100), "FAILED_PRECONDITION", "OPERATION_UNDER_WAY");
    });
    story.clone().holds();
    refunded_again(story, 100).breaks(P2, "REFUND p1:4 of 100 EUR is more than was asked for of payment p1");
}

#[test]
fn one_request_id_with_two_contents_is_one_refund() {
    let story = payments().before_quiet(|story| {
        story.unknown(refund("q11", "p1", 200));
        story.unknown(refund("q11", "p1", 100));
    });
    for minor in [100, 200] {
        refunded_again(story.clone(), minor).holds();
    }
    let mut both = refunded_again(story, 100).find(|found| match found {
        Found::Payment(found) if found.payment_id == "p1" => found.refunded_minor = 600,
        Found::Balance(found) => *found = balance(70, 880, 0, 600),
        _ => {}
    });
    both.found(Found::Entry(entry(22, "p1:5", "PENDING", false, 200)));
    both.found(Found::Entry(entry(23, "p1:5", "POSTED", false, 200)));
    both.found(Found::Transaction(transaction("p1:5", "REFUND", 200, "SETTLED")));
    both.mailed("ada", "payment_refunded", "1c");
    both.breaks(P2, "of 200 EUR is more than was asked for of payment p1");
    // The content that was acknowledged is the one that happened.
    let story = payments().before_quiet(|story| story.unknown(refund("q3", "p1", 100)));
    refunded_again(story, 100).breaks(P2, "REFUND p1:4 of 100 EUR is more than was asked for");
}

#[test]
fn a_refund_that_was_acknowledged_and_did_nothing_breaks_p2() {
    let story = payments().before_quiet(|story| {
        story.done(refund("q11", "p1", 100), told("p1", 1_000, "PARTIALLY_REFUNDED", 800, 300, 6));
    });
    story.clone().breaks(P2, "RefundPayment q11 was acknowledged, and no REFUND of payment p1 is its");
    refunded_again(story.clone(), 100).holds();
    // Nor is one of another amount its, whoever asked for that.
    let both = story.before_quiet(|story| story.unknown(refund("q12", "p1", 101)));
    refunded_again(both, 101)
        .breaks(P2, "RefundPayment q11 was acknowledged, and no REFUND of payment p1 is");
}

#[test]
fn two_acknowledged_refunds_are_two_of_them() {
    let story = payments().before_quiet(|story| {
        story.done(refund("q11", "p1", 300), told("p1", 1_000, "PARTIALLY_REFUNDED", 800, 300, 6));
    });
    story.clone().breaks(P2, "was acknowledged, and no REFUND of payment p1 is its");
    refunded_again(story, 300).holds();
}

#[test]
fn a_refund_without_an_amount_is_of_all_that_was_left() {
    let rest = payments().before_quiet(|story| {
        let call = Call::RefundPayment { request_id: text("q11"), payment_id: text("p1"), amount: None };
        story.done(call, told("p1", 1_000, "REFUNDING", 800, 300, 7));
    });
    refunded_again(rest.clone(), 500).holds();
    refunded_again(rest, 499).breaks(P2, "REFUND p1:4 of 499 EUR is more than was asked for of payment p1");
    for_all(payments(), "q3").breaks(P2, "REFUND p1:3 of 300 EUR is more than was asked for of payment p1");
    for_all(payments(), "q10").holds();
}

#[test]
fn a_refund_that_was_declined_is_one_too() {
    let acked = |minor| {
        payments().before_quiet(|story| {
            story.done(refund("q10", "p6", minor), told("p6", 80, "CAPTURED", 80, 0, 5));
        })
    };
    acked(80).holds();
    let other = acked(80).ask("q10", |call| *call = refund("q10", "p6", 79));
    other.breaks(P2, "REFUND p6:3 of 80 EUR is more than was asked for of payment p6");
}

#[test]
fn an_amount_of_another_currency_is_another_amount() {
    let story = payments().ask("q3", |call| {
        if let Call::RefundPayment { amount: Some(amount), .. } = call {
            amount.currency = text("USD");
        }
    });
    story.breaks(P2, "REFUND p1:3 of 300 EUR is more than was asked for of payment p1");
}

/// All of p1 was taken, in both books, though 800 was asked for.
fn all_taken() -> Story {
    payments().find(|found| match found {
        Found::Payment(found) if found.payment_id == "p1" => found.captured_minor = 1_000,
        Found::Entry(found) if found.operation == "p1:2" => found.amount = eur(1_000),
        Found::Transaction(found) if found.key == "p1:2" => found.amount = eur(1_000),
        Found::Balance(found) => *found = balance(70, 1_080, 0, 300),
        _ => {}
    })
}

/// Nobody was told what was taken of p1.
fn untold(story: Story) -> Story {
    story.without_line(|record| match record {
        Record::Ok { answer: Answer::Payment(told), .. } => {
            told.payment_id == "p1" && told.captured_minor > 0
        }
        _ => false,
    })
}

#[test]
fn a_capture_of_more_than_was_asked_for_breaks_p2() {
    let story = untold(all_taken());
    story.clone().breaks(P2, "CAPTURE p1:2 of 1000 EUR is more than was asked for of payment p1");
    story.breaks(P2, "CapturePayment q2 was acknowledged, and no CAPTURE of payment p1 is its");
    for_all(untold(all_taken()), "q2").holds();
    for_all(payments(), "q2").breaks(P2, "CAPTURE p1:2 of 800 EUR is more than was asked for of payment p1");
}

#[test]
fn a_capture_that_nobody_asked_for_breaks_p2() {
    let story = payments().ask("q9", |call| *call = pay("q9", "ada", 80));
    story.breaks(P2, "CAPTURE p6:2 of 80 EUR is more than was asked for of payment p6");
    // Unless somebody may have, afterwards.
    let story = payments().ask("q9", |call| *call = pay("q9", "ada", 80));
    story.before_quiet(|story| story.unknown(capture("q11", "p6", 80))).holds();
}

#[test]
fn a_payment_that_was_to_be_taken_at_once_and_was_not_breaks_p2() {
    let story = payments().ask("q1", |call| *call = pay_at_once("q1", "ada", 1_000));
    story.breaks(P2, "CreatePayment q1 was acknowledged, and no CAPTURE of payment p1 is its");
    // There is nothing to take of one that was declined.
    payments().ask("q6", |call| *call = pay_at_once("q6", "ada", 60)).holds();
    // One of two calls made p4, and nobody knows which.
    let one = payments().ask("q7", |call| *call = pay_at_once("q7", "ada", 70));
    one.clone().holds();
    one.ask("q8", |call| *call = pay_at_once("q8", "ada", 70))
        .breaks(P2, "CreatePayment q7 was acknowledged, and no CAPTURE of payment p4 is its");
}

#[test]
fn a_capture_that_was_declined_may_be_asked_for_again() {
    let declined = |key| Found::Transaction(transaction(key, "CAPTURE", 70, "DECLINED"));
    let story = payments().before_quiet(|story| {
        story.done(capture("q11", "p4", 70), told("p4", 70, "AUTHORIZED", 0, 0, 2));
        story.done(capture("q12", "p4", 70), told("p4", 70, "AUTHORIZED", 0, 0, 2));
    });
    story.clone().and(declined("p4:2")).breaks(P2, "was acknowledged, and no CAPTURE of payment p4 is its");
    let twice = story.and(declined("p4:2")).and(declined("p4:3"));
    twice.clone().holds();
    twice.and(declined("p4:4")).breaks(P2, "CAPTURE p4:4 of 70 EUR is more than was asked for of payment p4");
}

#[test]
fn a_release_that_nobody_asked_for_breaks_p2() {
    let story = payments().ask("q5", |call| *call = cancel("q5", "p3"));
    story.breaks(P2, "VOID p2:2 of 50 EUR is more than was asked for of payment p2");
}

#[test]
fn a_release_that_was_acknowledged_and_did_not_happen_breaks_p2() {
    let story = payments().before_quiet(|story| {
        story.done(cancel("q11", "p4"), told("p4", 70, "VOIDING", 0, 0, 2));
    });
    let story = story.find(|found| match found {
        Found::Payment(found) if found.payment_id == "p4" => found.version = 3,
        _ => {}
    });
    story.breaks(P2, "CancelPayment q11 was acknowledged, and no VOID of payment p4 is its");
}

#[test]
fn an_acknowledgement_that_tells_nothing_of_it_breaks_p2() {
    let answered = |call, answer| payments().before_quiet(|story| story.done(call, answer)).broken();
    for (call, answer, what) in [
        (cancel("q5", "p2"), told("p2", 50, "AUTHORIZED", 0, 0, 2), "payment p2 is AUTHORIZED"),
        (capture("q11", "p3", 60), told("p3", 60, "DECLINED", 0, 0, 2), "payment p3 is DECLINED"),
        (refund("q11", "p2", 50), told("p2", 50, "VOIDED", 0, 0, 4), "payment p2 is VOIDED"),
    ] {
        let broken = answered(call, answer);
        let is_it = |what: &str| what.contains(" was acknowledged, and told that payment ");
        let mut told = broken.iter().filter(|violation| is_it(&violation.what));
        assert!(told.any(|violation| violation.what.ends_with(what)), "{broken:#?}");
        assert!(broken.iter().all(|violation| violation.invariant == P2), "{broken:#?}");
    }
}
