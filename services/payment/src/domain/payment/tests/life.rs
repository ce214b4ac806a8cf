//! What a payment does and refuses.

use super::*;
use crate::domain::{OperationKind, Refusal};

#[test]
fn is_held_taken_and_given_back_in_parts() {
    let mut kept = Kept::new(new(100));
    assert_eq!((kept.payment.state, kept.payment.version), (State::Authorizing, 1));
    kept.settle(Outcome::Settled);
    assert_eq!((kept.payment.state, kept.book.held), (State::Authorized, 100));
    kept.keep(kept.payment.capture(Some(euro(80)), NOW));
    kept.settle(Outcome::Settled);
    assert_eq!(kept.book, Balance { captured: 80, ..Balance::default() }, "what was not taken is free");
    kept.keep(kept.payment.refund(Some(euro(30)), NOW));
    assert_eq!((kept.payment.state, kept.book.available()), (State::Refunding, 50));
    kept.settle(Outcome::Settled);
    assert_eq!(kept.payment.state, State::PartiallyRefunded);
    kept.keep(kept.payment.refund(None, NOW));
    kept.settle(Outcome::Settled);
    assert_eq!((kept.payment.state, kept.book.refunded), (State::Refunded, 80));
    assert_eq!((kept.payment.version, kept.payment.operations), (8, 4));
}

#[test]
fn an_immediate_capture_begins_in_the_step_that_authorizes() {
    let mut kept = Kept::new(NewPayment { is_immediate: true, ..new(100) });
    kept.settle(Outcome::Settled);
    let open = kept.open.clone().unwrap();
    assert_eq!((kept.payment.state, open.kind), (State::Capturing, OperationKind::Capture));
    assert_eq!((open.key.seq, open.amount, kept.book.held), (2, euro(100), 100));
    kept.settle(declined());
    assert_eq!(kept.payment.state, State::Authorized, "the money is still held, and can be let go");
    assert_eq!(kept.payment.decline, Some(DeclineCode::new("no_funds")));
}

#[test]
fn no_more_is_taken_than_was_authorized() {
    let mut kept = Kept::new(new(100));
    kept.settle(Outcome::Settled);
    for (amount, refused) in [
        (euro(101), Refused::AboveAuthorized),
        (euro(0), Refused::NotPositive),
        (euro(-1), Refused::NotPositive),
    ] {
        assert_eq!(kept.payment.capture(Some(amount), NOW), Err(refused), "{amount}");
    }
    let mixed = kept.payment.capture(Some(money(1, "USD")), NOW);
    assert!(matches!(mixed, Err(Refused::Money(_))), "{mixed:?}");
    assert_eq!(Payment::create(new(0), NOW), Err(Refused::NotPositive));
}

#[test]
fn no_more_is_given_back_than_was_taken() {
    let mut kept = Kept::captured(80);
    assert_eq!(kept.payment.refund(Some(euro(81)), NOW), Err(Refused::AboveCaptured));
    kept.keep(kept.payment.refund(Some(euro(50)), NOW));
    assert_eq!(kept.payment.refund(Some(euro(1)), NOW), Err(Refused::State(Refusal::Busy)));
    kept.settle(Outcome::Settled);
    assert_eq!(kept.payment.refund(Some(euro(31)), NOW), Err(Refused::AboveCaptured));
    assert!(kept.payment.refund(Some(euro(30)), NOW).is_ok());
}

#[test]
fn a_declined_refund_leaves_the_payment_as_it_was() {
    let mut kept = Kept::captured(80);
    kept.keep(kept.payment.refund(Some(euro(50)), NOW));
    kept.settle(declined());
    assert_eq!((kept.payment.state, kept.book.available()), (State::Captured, 80));
    kept.keep(kept.payment.refund(Some(euro(50)), NOW));
    kept.settle(Outcome::Settled);
    kept.keep(kept.payment.refund(None, NOW));
    kept.settle(declined());
    assert_eq!((kept.payment.state, kept.book.available()), (State::PartiallyRefunded, 30));
}

#[test]
fn an_authorization_ends_by_refusal_cancellation_or_time() {
    for (outcome, state) in [(declined(), State::Declined), (Outcome::Failed, State::Failed)] {
        let mut kept = Kept::new(new(100));
        kept.settle(outcome);
        assert_eq!((kept.payment.state, kept.book), (state, Balance::default()));
    }
    let mut held = Kept::new(new(100));
    held.settle(Outcome::Settled);
    assert_eq!(held.payment.lapses(), Some(EXPIRES));
    assert_eq!(held.payment.expire(UnixMillis(EXPIRES.0 - 1)), Err(Refused::NotExpired));
    assert_eq!(held.payment.capture(None, EXPIRES), Err(Refused::Expired));
    let ways = [
        (held.payment.expire(EXPIRES), Cancellation::Expired),
        (held.payment.cancel(NOW), Cancellation::Asked),
    ];
    for (step, why) in ways {
        let mut kept = held.clone();
        kept.keep(step);
        kept.settle(Outcome::Settled);
        assert_eq!((kept.payment.state, kept.book), (State::Voided, Balance::default()));
        assert_eq!((kept.payment.cancellation, kept.payment.lapses()), (Some(why), None));
    }
}

#[test]
fn what_contradicts_our_books_is_given_up_and_taken_up_under_the_old_key() {
    let mut kept = Kept::new(new(100));
    kept.settle(Outcome::Settled);
    kept.keep(kept.payment.cancel(NOW));
    let key = kept.payment.operation();
    kept.settle(declined());
    assert_eq!(kept.payment.state, State::NeedsReconciliation);
    let refused = kept.settled(Outcome::Settled);
    assert_eq!(refused, Err(Refused::State(Refusal::NeedsReconciliation)), "somebody must look first");
    kept.keep(kept.payment.resume(kept.open.as_ref().unwrap(), NOW));
    assert_eq!((kept.payment.state, kept.payment.operation()), (State::Voiding, key));
    kept.settle(Outcome::Settled);
    assert_eq!(kept.payment.state, State::Voided);
    let mut failed = Kept::captured(80);
    failed.keep(failed.payment.refund(None, NOW));
    failed.settle(Outcome::Failed);
    assert_eq!((failed.payment.state, failed.book.refunding), (State::NeedsReconciliation, 80));
}

#[test]
fn only_the_open_operation_can_end_and_only_once() {
    let mut kept = Kept::new(new(100));
    let first = kept.open.clone().unwrap();
    let stranger =
        Operation { key: ProviderKey { payment: PaymentId(Uuid::nil()), seq: 1 }, ..first.clone() };
    assert_eq!(kept.payment.settle(&stranger, Outcome::Settled, NOW), Err(Refused::NotOpen));
    kept.settle(Outcome::Settled);
    assert_eq!(kept.payment.settle(&first, Outcome::Settled, NOW), Err(Refused::NotOpen));
    kept.keep(kept.payment.capture(None, NOW));
    assert_eq!(kept.payment.settle(&first, Outcome::Settled, NOW), Err(Refused::NotOpen));
    let ended = Operation { outcome: Some(Outcome::Settled), ..kept.open.clone().unwrap() };
    assert_eq!(kept.payment.settle(&ended, Outcome::Settled, NOW), Err(Refused::NotOpen));
}

#[test]
fn operations_are_bounded_and_a_release_always_has_room() {
    let mut kept = Kept::captured(80);
    while kept.payment.operations < MAX_OPERATIONS - 1 {
        kept.keep(kept.payment.refund(Some(euro(1)), NOW));
        kept.settle(declined());
    }
    assert_eq!(kept.payment.refund(Some(euro(1)), NOW), Err(Refused::TooManyOperations));
    let mut kept = Kept::new(new(100));
    kept.settle(Outcome::Settled);
    while kept.payment.operations < MAX_OPERATIONS - 1 {
        kept.keep(kept.payment.capture(None, NOW));
        kept.settle(declined());
    }
    assert_eq!(kept.payment.capture(None, NOW), Err(Refused::TooManyOperations));
    kept.keep(kept.payment.expire(EXPIRES));
    kept.settle(Outcome::Settled);
    assert_eq!((kept.payment.state, kept.payment.operations), (State::Voided, MAX_OPERATIONS));
}

#[test]
fn a_clock_that_was_set_back_does_not_turn_a_payment_back() {
    let mut kept = Kept::new(new(100));
    kept.keep(kept.payment.settle(kept.open.as_ref().unwrap(), Outcome::Settled, UnixMillis(0)));
    assert_eq!(kept.payment.updated, NOW);
}

#[test]
fn an_immediate_payment_that_is_authorized_too_late_is_not_captured() {
    for (now, state, lapses) in [
        (UnixMillis(EXPIRES.0 - 1), State::Capturing, None),
        (EXPIRES, State::Authorized, Some(EXPIRES)),
        (UnixMillis(EXPIRES.0 + 1), State::Authorized, Some(EXPIRES)),
    ] {
        let mut kept = Kept::new(NewPayment { is_immediate: true, ..new(100) });
        kept.keep(kept.payment.settle(kept.open.as_ref().unwrap(), Outcome::Settled, now));
        assert_eq!((kept.payment.state, kept.payment.lapses()), (state, lapses));
        assert_eq!(kept.payment.balance.held, 100);
    }
}

#[test]
fn only_why_the_newest_operation_was_refused_is_told() {
    let mut kept = Kept::captured(100);
    kept.keep(kept.payment.refund(Some(euro(30)), NOW));
    kept.settle(declined());
    assert_eq!(kept.payment.decline, Some(DeclineCode::new("no_funds")));
    kept.keep(kept.payment.refund(Some(euro(30)), NOW));
    assert_eq!(kept.payment.decline, None, "it was not refused yet");
    kept.settle(Outcome::Settled);
    assert_eq!((kept.payment.state, kept.payment.decline), (State::PartiallyRefunded, None));
}
