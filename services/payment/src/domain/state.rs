//! How far a payment has come.

use std::fmt;

use super::OperationKind;

/// How far a payment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Accepted; the provider was not asked yet.
    Created,
    /// The provider was or will be asked to hold the money; its answer is not known.
    Authorizing,
    /// The provider holds the money.
    Authorized,
    /// The provider was or will be asked to take the money; its answer is not known.
    Capturing,
    /// The money was taken.
    Captured,
    /// The provider was or will be asked to give money back; its answer is not known.
    Refunding,
    /// Some of the money was given back.
    PartiallyRefunded,
    /// All of the money was given back. Final.
    Refunded,
    /// The provider was or will be asked to let the money go; its answer is not known.
    Voiding,
    /// The money was let go before any was taken. Final.
    Voided,
    /// The provider refused to hold the money. Final.
    Declined,
    /// The provider never held the money and never will. Final.
    Failed,
    /// What the provider did could not be found out, or contradicts our books: somebody must look. It is left
    /// only by taking up the open operation again.
    NeedsReconciliation,
}

impl State {
    /// All states, in the order of a payment's life.
    pub const ALL: [Self; 13] = [
        Self::Created,
        Self::Authorizing,
        Self::Authorized,
        Self::Capturing,
        Self::Captured,
        Self::Refunding,
        Self::PartiallyRefunded,
        Self::Refunded,
        Self::Voiding,
        Self::Voided,
        Self::Declined,
        Self::Failed,
        Self::NeedsReconciliation,
    ];

    /// The state's name, as it is stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Authorizing => "AUTHORIZING",
            Self::Authorized => "AUTHORIZED",
            Self::Capturing => "CAPTURING",
            Self::Captured => "CAPTURED",
            Self::Refunding => "REFUNDING",
            Self::PartiallyRefunded => "PARTIALLY_REFUNDED",
            Self::Refunded => "REFUNDED",
            Self::Voiding => "VOIDING",
            Self::Voided => "VOIDED",
            Self::Declined => "DECLINED",
            Self::Failed => "FAILED",
            Self::NeedsReconciliation => "NEEDS_RECONCILIATION",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing can happen to the payment any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Refunded | Self::Voided | Self::Declined | Self::Failed)
    }

    /// The operation that the provider is being asked for in this state.
    #[must_use]
    pub fn under_way(self) -> Option<OperationKind> {
        match self {
            Self::Authorizing => Some(OperationKind::Authorize),
            Self::Capturing => Some(OperationKind::Capture),
            Self::Voiding => Some(OperationKind::Void),
            Self::Refunding => Some(OperationKind::Refund),
            _ => None,
        }
    }

    /// Whether an operation is open: the provider is being asked, or somebody must find out what it did.
    #[must_use]
    pub fn has_open_operation(self) -> bool {
        self == Self::NeedsReconciliation || self.under_way().is_some()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
