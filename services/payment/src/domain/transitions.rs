//! The state machine, as data.

use thiserror::Error;

use super::{
    Event::{self, *},
    State::{self, *},
};

/// Everything that may happen, in which state, and where it leads. What is not here is refused.
#[rustfmt::skip]
pub const TRANSITIONS: [(State, Event, State); 24] = [
    (Created,             Authorize,             Authorizing),
    (Authorizing,         Event::Authorized,     State::Authorized),
    (Authorizing,         Event::Declined,       State::Declined),
    (Authorizing,         Event::Failed,         State::Failed),
    (Authorizing,         GiveUp,                NeedsReconciliation),
    (State::Authorized,   Capture,               Capturing),
    (State::Authorized,   Void,                  Voiding),
    (State::Authorized,   Expire,                Voiding),
    (Capturing,           Event::Captured,       State::Captured),
    (Capturing,           CaptureDeclined,       State::Authorized),
    (Capturing,           GiveUp,                NeedsReconciliation),
    (Voiding,             Event::Voided,         State::Voided),
    // A release that the provider refuses contradicts our books, so it is never simply undone.
    (Voiding,             GiveUp,                NeedsReconciliation),
    (State::Captured,     Refund,                Refunding),
    (PartiallyRefunded,   Refund,                Refunding),
    (Refunding,           RefundedInPart,        PartiallyRefunded),
    (Refunding,           RefundedInFull,        Refunded),
    (Refunding,           RefundDeclined,        State::Captured),
    (Refunding,           FurtherRefundDeclined, PartiallyRefunded),
    (Refunding,           GiveUp,                NeedsReconciliation),
    // Only the operation that was given up is taken up again: its kind chooses the row.
    (NeedsReconciliation, ResumeAuthorize,       Authorizing),
    (NeedsReconciliation, ResumeCapture,         Capturing),
    (NeedsReconciliation, ResumeVoid,            Voiding),
    (NeedsReconciliation, ResumeRefund,          Refunding),
];

/// Why an event is refused in a state.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The payment has ended.
    #[error("the payment has ended")]
    Final,
    /// An operation is under way; another one can begin when it has ended.
    #[error("an operation is under way")]
    Busy,
    /// It must be found out first what the provider did.
    #[error("the payment needs reconciliation")]
    NeedsReconciliation,
    /// The money is not held (yet).
    #[error("the payment is not authorized")]
    NotAuthorized,
    /// The money is held already.
    #[error("the payment is authorized already")]
    AlreadyAuthorized,
    /// The money is not taken (yet).
    #[error("the payment is not captured")]
    NotCaptured,
    /// The money is taken already.
    #[error("the payment is captured already")]
    AlreadyCaptured,
    /// Nobody asked for the operation that is said to have ended.
    #[error("no such operation is under way")]
    NotUnderWay,
}

impl State {
    /// The state after `event`.
    ///
    /// # Errors
    /// Why it cannot happen in this state.
    pub fn after(self, event: Event) -> Result<Self, Refusal> {
        let row = TRANSITIONS.iter().find(|(from, by, _)| (*from, *by) == (self, event));
        row.map(|(_, _, to)| *to).ok_or_else(|| self.refusal(event))
    }

    /// Why `event` is not in the table for this state.
    fn refusal(self, event: Event) -> Refusal {
        match (self, event) {
            _ if self.is_final() => Refusal::Final,
            (NeedsReconciliation, _) => Refusal::NeedsReconciliation,
            _ if !event.begins() => Refusal::NotUnderWay,
            _ if self.under_way().is_some() => Refusal::Busy,
            (Created, _) => Refusal::NotAuthorized,
            (State::Authorized, Refund) => Refusal::NotCaptured,
            (State::Authorized, _) => Refusal::AlreadyAuthorized,
            _ => Refusal::AlreadyCaptured,
        }
    }
}

#[cfg(test)]
mod tests;
