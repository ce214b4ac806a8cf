//! One step of a payment: all that is kept together or not at all.

use service_kit::clock::UnixMillis;

use super::{Payment, Refused};
use crate::domain::{
    Direction, Event, Money, Operation, OperationKind, Phase, ProviderKey, Transfer, payment::MAX_OPERATIONS,
};

/// One step of a payment: all that is kept together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The payment after the step.
    pub payment: Payment,
    /// What happened to it, in order.
    pub events: Vec<Event>,
    /// The money that moves by it.
    pub transfer: Option<Transfer>,
    /// The operation that it ends, with its outcome.
    pub settled: Option<Operation>,
    /// The operation that it begins: to be kept before the provider is asked.
    pub opened: Option<Operation>,
}

impl Step {
    /// A step that does not change the payment yet, but its version.
    pub(super) fn from(payment: &Payment, now: UnixMillis) -> Self {
        // A clock that was set back must not make the last change older than the one before.
        let updated = now.max(payment.updated);
        let payment = Payment { version: payment.version + 1, updated, ..payment.clone() };
        Self { payment, events: Vec::new(), transfer: None, settled: None, opened: None }
    }

    /// The step with one more event.
    pub(super) fn on(mut self, event: Event) -> Result<Self, Refused> {
        self.payment.state = self.payment.state.after(event)?;
        self.events.push(event);
        Ok(self)
    }

    /// The step that also begins an operation.
    pub(super) fn opening(mut self, kind: OperationKind, amount: Money) -> Result<Self, Refused> {
        // The last one is for a release, so that money is never held because it cannot be let go.
        let most = if kind == OperationKind::Void { MAX_OPERATIONS } else { MAX_OPERATIONS - 1 };
        if self.payment.operations >= most {
            return Err(Refused::TooManyOperations);
        }
        self.payment.operations += 1;
        // What is told is why the newest one was refused, and this one was not.
        self.payment.decline = None;
        let begun = self.payment.updated;
        let key = self.payment.operation();
        self.opened = Some(Operation { key, kind, amount, begun, outcome: None });
        Ok(self)
    }

    /// The step that also moves money. The amount is that of an operation, and the pending transfer that of
    /// its payment, so the balance can only refuse what the state machine would have refused before.
    pub(super) fn moving(
        mut self,
        operation: ProviderKey,
        phase: Phase,
        direction: Direction,
        amount: Money,
        pending: Option<Money>,
    ) -> Result<Self, Refused> {
        let time = self.payment.updated;
        let of = |key, phase, amount| {
            Transfer::new(key, phase, direction, amount, time).map_err(|_| Refused::NotPositive)
        };
        let transfer = of(operation, phase, amount)?;
        let pending = match (transfer.resolves(), pending) {
            (Some(key), Some(amount)) => Some(of(key, Phase::Pending, amount)?),
            _ => None,
        };
        let after = self.payment.balance.after(&transfer, pending.as_ref());
        self.payment.balance = after.map_err(|_| match direction {
            Direction::Charge => Refused::AboveAuthorized,
            Direction::Refund => Refused::AboveCaptured,
        })?;
        self.transfer = Some(transfer);
        Ok(self)
    }
}
