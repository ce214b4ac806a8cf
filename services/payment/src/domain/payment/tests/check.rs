//! Steps that no payment makes are not kept.

use super::*;
use crate::domain::{Direction, Event, Phase, Refusal};

/// What `forge` makes of a good step is refused for `broken`.
fn assert_broken(kept: &Kept, good: &Step, broken: Broken, forge: impl FnOnce(&mut Step)) {
    assert!(kept.check(good).is_ok(), "the step is good before it is forged");
    let mut step = good.clone();
    forge(&mut step);
    assert_ne!(&step, good);
    assert_eq!(kept.check(&step), Err(broken), "{step:?}");
}

fn transfer(of: &Step, phase: Phase, direction: Direction, minor: i64) -> Option<Transfer> {
    let key = of.transfer.unwrap().operation();
    Some(Transfer::new(key, phase, direction, euro(minor), NOW).unwrap())
}

#[test]
fn the_payment_is_the_next_version_of_the_one_that_is_kept() {
    let kept = Kept::captured(80);
    let good = kept.payment.refund(Some(euro(30)), NOW).unwrap();
    assert_broken(&kept, &good, Broken::NotTheNext, |step| step.payment.version += 1);
    assert_broken(&kept, &good, Broken::NotTheNext, |step| step.payment.amount = euro(1_000));
    assert_broken(&kept, &good, Broken::NotTheNext, |step| step.payment.user = UserId(Uuid::nil()));
    assert_broken(&kept, &good, Broken::NotTheNext, |step| step.payment.expires = UnixMillis(u64::MAX));
    let other = BookId { currency: money(0, "USD").currency(), ..kept.payment.book() };
    let before =
        Before { book: other, balance: kept.book, payment: Some(&kept.payment), open: None, pending: None };
    assert_eq!(good.check(&before), Err(Broken::NotTheNext), "it belongs into another book");
    let created = Payment::create(new(100), NOW).unwrap();
    assert_eq!(kept.check(&created), Err(Broken::NotTheNext), "the id is taken");
}

#[test]
fn the_state_follows_from_the_events() {
    let kept = Kept::captured(80);
    let good = kept.payment.refund(Some(euro(30)), NOW).unwrap();
    assert_broken(&kept, &good, Broken::OtherState, |step| step.payment.state = State::Refunded);
    assert_broken(&kept, &good, Broken::OtherState, |step| {
        step.events.clear();
        step.payment.state = State::Captured;
    });
    let already = Broken::Transition(Refusal::AlreadyCaptured);
    assert_broken(&kept, &good, already, |step| step.events = vec![Event::Capture]);
}

#[test]
fn operations_follow_from_the_events() {
    let mut kept = Kept::captured(80);
    let good = kept.payment.refund(Some(euro(30)), NOW).unwrap();
    assert_broken(&kept, &good, Broken::Operations, |step| step.opened = None);
    assert_broken(&kept, &good, Broken::Operations, |step| step.payment.operations += 1);
    assert_broken(&kept, &good, Broken::Operations, |step| {
        step.opened.as_mut().unwrap().key.seq = 1;
    });
    assert_broken(&kept, &good, Broken::Operations, |step| {
        step.opened.as_mut().unwrap().outcome = Some(Outcome::Settled);
    });
    kept.keep(Ok(good));
    let good = kept.settled(Outcome::Settled).unwrap();
    assert_broken(&kept, &good, Broken::Operations, |step| step.settled = None);
    assert_broken(&kept, &good, Broken::Operations, |step| {
        step.settled.as_mut().unwrap().outcome = Some(declined());
    });
    assert_broken(&kept, &good, Broken::Operations, |step| {
        step.settled.as_mut().unwrap().amount = euro(31);
    });
    let without = Kept { open: None, ..kept.clone() };
    assert_eq!(without.check(&good), Err(Broken::Operations), "it ended before");
}

#[test]
fn money_moves_as_the_events_demand() {
    let mut kept = Kept::captured(80);
    let good = kept.payment.refund(Some(euro(30)), NOW).unwrap();
    assert_broken(&kept, &good, Broken::Transfer, |step| step.transfer = None);
    assert_broken(&kept, &good, Broken::Transfer, |step| {
        step.transfer = transfer(step, Phase::Pending, Direction::Refund, 29);
    });
    assert_broken(&kept, &good, Broken::Transfer, |step| {
        step.transfer = transfer(step, Phase::Pending, Direction::Charge, 30);
    });
    assert_broken(&kept, &good, Broken::Balance, |step| step.payment.balance.refunding = 29);
    // Both the operation and the transfer ask for more than there is.
    assert_broken(&kept, &good, Broken::Ledger(LedgerError::AboveCaptured), |step| {
        step.transfer = transfer(step, Phase::Pending, Direction::Refund, 81);
        step.opened.as_mut().unwrap().amount = euro(81);
        step.payment.balance.refunding = 81;
    });
    kept.keep(Ok(good));
    let good = kept.settled(Outcome::Settled).unwrap();
    let resolved = Kept { pending: BTreeMap::new(), ..kept.clone() };
    assert_eq!(resolved.check(&good), Err(Broken::Ledger(LedgerError::NotPending)));
    let given_up = kept.payment.give_up(NOW).unwrap();
    assert_broken(&kept, &given_up, Broken::Balance, |step| step.payment.balance.refunded = 30);
}

#[test]
fn no_more_is_held_than_is_to_be_paid() {
    let kept = Kept::new(new(100));
    let good = kept.settled(Outcome::Settled).unwrap();
    assert_broken(&kept, &good, Broken::Transfer, |step| {
        step.transfer = transfer(step, Phase::Pending, Direction::Charge, 101);
        step.payment.balance.held = 101;
    });
    // The provider is not even asked for more, nor for another currency.
    let mut held = kept.clone();
    held.settle(Outcome::Settled);
    let capture = held.payment.capture(None, NOW).unwrap();
    for amount in [euro(101), euro(0), money(100, "USD")] {
        assert_broken(&held, &capture, Broken::Operations, |step| {
            step.opened.as_mut().unwrap().amount = amount;
        });
    }
    // Even if the operation that is kept asked for too much.
    let mut forged = kept.clone();
    forged.open.as_mut().unwrap().amount = euro(101);
    assert_eq!(forged.settled(Outcome::Settled).map(|step| forged.check(&step)), Ok(Err(Broken::Balance)));
}
