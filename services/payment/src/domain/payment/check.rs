//! What a step must be to be kept: judged by the store from what it holds, whoever made the step.

use super::{Broken, Payment, Step};
use crate::domain::{Balance, BookId, Direction, Event, Operation, Outcome, Phase, State, Transfer};

/// What is kept before a step.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// The book that the step is for.
    pub book: BookId,
    /// The book's balance.
    pub balance: Balance,
    /// The payment, unless it is new.
    pub payment: Option<&'a Payment>,
    /// The payment's open operation.
    pub open: Option<&'a Operation>,
    /// The unresolved pending transfer that the step's transfer resolves, or that its operation made before.
    pub pending: Option<&'a Transfer>,
}

impl Step {
    /// Judges the step by what is kept before it, and gives the book's balance after it.
    ///
    /// # Errors
    /// What is wrong with it; then nothing of it may be kept.
    pub fn check(&self, before: &Before<'_>) -> Result<Balance, Broken> {
        self.check_payment(before)?;
        self.check_state(before)?;
        self.check_operations(before)?;
        self.check_transfer()?;
        let Some(transfer) = &self.transfer else {
            let kept = before.payment.map_or_else(Balance::default, |payment| payment.balance);
            return if self.payment.balance == kept { Ok(before.balance) } else { Err(Broken::Balance) };
        };
        let own = before.payment.map_or_else(Balance::default, |payment| payment.balance);
        let own = own.after(transfer, before.pending).map_err(Broken::Ledger)?;
        let is_bounded = own.held + own.captured <= i128::from(self.payment.amount.minor());
        if own != self.payment.balance || !is_bounded {
            return Err(Broken::Balance);
        }
        before.balance.after(transfer, before.pending).map_err(Broken::Ledger)
    }

    fn check_payment(&self, before: &Before<'_>) -> Result<(), Broken> {
        let after = &self.payment;
        let follows = match before.payment {
            None => after.version == 1 && after.amount.is_positive(),
            Some(kept) => {
                let fixed = Payment {
                    state: after.state,
                    balance: after.balance,
                    operations: after.operations,
                    decline: after.decline.clone(),
                    cancellation: after.cancellation,
                    version: kept.version + 1,
                    updated: after.updated,
                    ..kept.clone()
                };
                fixed == *after
            }
        };
        if follows && after.book() == before.book { Ok(()) } else { Err(Broken::NotTheNext) }
    }

    fn check_state(&self, before: &Before<'_>) -> Result<(), Broken> {
        let start = before.payment.map_or(State::Created, |payment| payment.state);
        let end = self.events.iter().try_fold(start, |state, event| state.after(*event));
        let is_there = end.map_err(Broken::Transition)? == self.payment.state;
        if is_there && !self.events.is_empty() { Ok(()) } else { Err(Broken::OtherState) }
    }

    /// At most one operation is open, and one is exactly when the state says so.
    fn check_operations(&self, before: &Before<'_>) -> Result<(), Broken> {
        let ends = self.events.iter().find_map(|event| is_done(*event));
        let ended = self.settled.as_ref().map(|settled| settled.outcome == Some(Outcome::Settled));
        let begins = self.events.iter().any(|event| event.begins());
        if ends != ended || begins != self.opened.is_some() {
            return Err(Broken::Operations);
        }
        let mut open = before.open.cloned();
        if let Some(settled) = &self.settled {
            let kept = Operation { outcome: None, ..settled.clone() };
            if settled.is_open() || open.take() != Some(kept) {
                return Err(Broken::Operations);
            }
        }
        let count = before.payment.map_or(0, |payment| payment.operations);
        if let Some(opened) = &self.opened {
            let is_next = opened.key == self.payment.operation() && self.payment.operations == count + 1;
            // The provider must never be asked for more than the customer agreed to.
            let rest = self.payment.amount.checked_sub(opened.amount);
            let is_bounded = opened.amount.is_positive() && rest.is_ok_and(|rest| rest.minor() >= 0);
            if open.is_some() || !opened.is_open() || !is_next || !is_bounded {
                return Err(Broken::Operations);
            }
            open = Some(opened.clone());
        } else if self.payment.operations != count {
            return Err(Broken::Operations);
        }
        let state = self.payment.state;
        let is_right = match &open {
            None => !state.has_open_operation(),
            Some(open) => state.under_way().map_or(state == State::NeedsReconciliation, |k| k == open.kind),
        };
        if is_right { Ok(()) } else { Err(Broken::Operations) }
    }

    /// The transfer is the one that the events demand, for the amount of the operation that they are about.
    fn check_transfer(&self) -> Result<(), Broken> {
        let demanded = self.events.iter().find_map(|event| demanded(*event));
        let is_right = match (&self.transfer, demanded) {
            (None, None) => true,
            (Some(transfer), Some((direction, phase))) => {
                let about = if phase == Demanded::Reserve && direction == Direction::Refund {
                    self.opened.as_ref()
                } else {
                    self.settled.as_ref()
                };
                transfer.direction() == direction
                    && phase == Demanded::of(transfer.phase())
                    && about
                        .is_some_and(|op| (op.key, op.amount) == (transfer.operation(), transfer.amount()))
            }
            _ => false,
        };
        if is_right { Ok(()) } else { Err(Broken::Transfer) }
    }
}

/// Whether the provider did what the event says has ended; nothing for an event that ends no operation.
fn is_done(event: Event) -> Option<bool> {
    match event {
        Event::Authorized
        | Event::Captured
        | Event::Voided
        | Event::RefundedInPart
        | Event::RefundedInFull => Some(true),
        Event::Declined
        | Event::Failed
        | Event::CaptureDeclined
        | Event::RefundDeclined
        | Event::FurtherRefundDeclined => Some(false),
        _ => None,
    }
}

/// A [`Phase`] without its details.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Demanded {
    Reserve,
    Move,
    Release,
}

impl Demanded {
    fn of(phase: Phase) -> Self {
        match phase {
            Phase::Pending => Self::Reserve,
            Phase::Post(_) => Self::Move,
            Phase::Void(_) => Self::Release,
        }
    }
}

/// The transfer without which an event must not be kept.
fn demanded(event: Event) -> Option<(Direction, Demanded)> {
    match event {
        Event::Authorized => Some((Direction::Charge, Demanded::Reserve)),
        Event::Captured => Some((Direction::Charge, Demanded::Move)),
        Event::Voided => Some((Direction::Charge, Demanded::Release)),
        Event::Refund => Some((Direction::Refund, Demanded::Reserve)),
        Event::RefundedInPart | Event::RefundedInFull => Some((Direction::Refund, Demanded::Move)),
        Event::RefundDeclined | Event::FurtherRefundDeclined => Some((Direction::Refund, Demanded::Release)),
        _ => None,
    }
}
