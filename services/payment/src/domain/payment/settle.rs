//! The steps that say how an operation with the provider ended, or that nobody can say.

use service_kit::clock::UnixMillis;

use super::{Payment, Refused, Step};
use crate::domain::{
    Direction::{Charge, Refund},
    Event, Operation, OperationKind, Outcome, Phase,
};

impl Payment {
    /// The operation `open` ended with `outcome`.
    ///
    /// An outcome that contradicts our books (a release that is refused, anything but an authorization that
    /// has failed for good) does not end the operation: it is given up, and somebody must look.
    ///
    /// # Errors
    /// [`Refused::NotOpen`] when it is not this payment's open operation; [`Refused::State`] when the
    /// operation was given up and must be taken up first.
    pub fn settle(&self, open: &Operation, outcome: Outcome, now: UnixMillis) -> Result<Step, Refused> {
        self.must_be_open(open)?;
        let step = Step::from(self, now);
        let mut step = match (open.kind, &outcome) {
            (OperationKind::Authorize, Outcome::Settled) => self.authorized(step, open)?,
            (OperationKind::Authorize, Outcome::Declined(_)) => step.on(Event::Declined)?,
            (OperationKind::Authorize, Outcome::Failed) => step.on(Event::Failed)?,
            (OperationKind::Capture, Outcome::Settled) => {
                let phase = Phase::Post(self.authorization());
                step.on(Event::Captured)?.moving(open.key, phase, Charge, open.amount, Some(self.amount))?
            }
            (OperationKind::Capture, Outcome::Declined(_)) => step.on(Event::CaptureDeclined)?,
            (OperationKind::Void, Outcome::Settled) => {
                let phase = Phase::Void(self.authorization());
                step.on(Event::Voided)?.moving(open.key, phase, Charge, self.amount, Some(self.amount))?
            }
            (OperationKind::Refund, Outcome::Settled) => self.refunded(step, open)?,
            (OperationKind::Refund, Outcome::Declined(_)) => self.refund_declined(step, open)?,
            (OperationKind::Void, Outcome::Declined(_)) | (_, Outcome::Failed) => return self.give_up(now),
        };
        if let Outcome::Declined(code) = &outcome {
            step.payment.decline = Some(code.clone());
        }
        step.settled = Some(Operation { outcome: Some(outcome), ..open.clone() });
        Ok(step)
    }

    /// What the provider did about the open operation cannot be found out. The operation stays open.
    ///
    /// # Errors
    /// [`Refused::State`] when no operation is under way.
    pub fn give_up(&self, now: UnixMillis) -> Result<Step, Refused> {
        Step::from(self, now).on(Event::GiveUp)
    }

    /// Somebody looked: the operation `open`, which was given up, is taken up again under its old key.
    ///
    /// # Errors
    /// [`Refused::NotOpen`] when it is not this payment's open operation; [`Refused::State`] when it was not
    /// given up.
    pub fn resume(&self, open: &Operation, now: UnixMillis) -> Result<Step, Refused> {
        self.must_be_open(open)?;
        Step::from(self, now).on(Event::resume(open.kind))
    }

    fn must_be_open(&self, operation: &Operation) -> Result<(), Refused> {
        let is_ours = operation.key == self.operation() && self.state.has_open_operation();
        if is_ours && operation.is_open() { Ok(()) } else { Err(Refused::NotOpen) }
    }

    /// The money is held, and in the same step the capture begins if it is to follow at once: there is no
    /// moment in which it could be forgotten. An authorization that has expired by then is not captured, but
    /// released like any other.
    fn authorized(&self, step: Step, open: &Operation) -> Result<Step, Refused> {
        let step = step.on(Event::Authorized)?.moving(open.key, Phase::Pending, Charge, open.amount, None)?;
        if self.is_immediate && step.payment.updated < self.expires {
            return step.on(Event::Capture)?.opening(OperationKind::Capture, self.amount);
        }
        Ok(step)
    }

    fn refunded(&self, step: Step, open: &Operation) -> Result<Step, Refused> {
        let step = step.moving(open.key, Phase::Post(open.key), Refund, open.amount, Some(open.amount))?;
        let is_all = step.payment.balance.refunded == step.payment.balance.captured;
        step.on(if is_all { Event::RefundedInFull } else { Event::RefundedInPart })
    }

    fn refund_declined(&self, step: Step, open: &Operation) -> Result<Step, Refused> {
        let step = step.moving(open.key, Phase::Void(open.key), Refund, open.amount, Some(open.amount))?;
        let is_first = step.payment.balance.refunded == 0;
        step.on(if is_first { Event::RefundDeclined } else { Event::FurtherRefundDeclined })
    }
}
