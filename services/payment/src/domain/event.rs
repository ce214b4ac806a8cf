//! What can happen to a payment.

use super::OperationKind;

/// What can happen to a payment. `Authorize`, `Capture`, `Void`, `Expire` and `Refund` begin an operation with
/// the provider; most others are how one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// The provider is going to be asked to hold the money.
    Authorize,
    /// The provider holds it.
    Authorized,
    /// The provider refused to hold it.
    Declined,
    /// The provider cannot hold it and did not.
    Failed,
    /// The provider is going to be asked to take the money.
    Capture,
    /// The provider took it; what was not taken is free again.
    Captured,
    /// The provider refused to take it, and still holds it.
    CaptureDeclined,
    /// Somebody wants the money let go.
    Void,
    /// The authorization has expired.
    Expire,
    /// The provider let the money go.
    Voided,
    /// The provider is going to be asked to give money back.
    Refund,
    /// The provider gave it back, and more can be.
    RefundedInPart,
    /// The provider gave it back, and nothing is left.
    RefundedInFull,
    /// The provider refused to give the first money back.
    RefundDeclined,
    /// The provider refused to give more money back.
    FurtherRefundDeclined,
    /// What the provider did cannot be found out, or contradicts our books.
    GiveUp,
    /// Somebody looked: the authorization is taken up again.
    ResumeAuthorize,
    /// Somebody looked: the capture is taken up again.
    ResumeCapture,
    /// Somebody looked: the release is taken up again.
    ResumeVoid,
    /// Somebody looked: the refund is taken up again.
    ResumeRefund,
}

impl Event {
    /// All events.
    pub const ALL: [Self; 20] = [
        Self::Authorize,
        Self::Authorized,
        Self::Declined,
        Self::Failed,
        Self::Capture,
        Self::Captured,
        Self::CaptureDeclined,
        Self::Void,
        Self::Expire,
        Self::Voided,
        Self::Refund,
        Self::RefundedInPart,
        Self::RefundedInFull,
        Self::RefundDeclined,
        Self::FurtherRefundDeclined,
        Self::GiveUp,
        Self::ResumeAuthorize,
        Self::ResumeCapture,
        Self::ResumeVoid,
        Self::ResumeRefund,
    ];

    /// The event that takes up an operation of this kind again.
    #[must_use]
    pub fn resume(kind: OperationKind) -> Self {
        match kind {
            OperationKind::Authorize => Self::ResumeAuthorize,
            OperationKind::Capture => Self::ResumeCapture,
            OperationKind::Void => Self::ResumeVoid,
            OperationKind::Refund => Self::ResumeRefund,
        }
    }

    /// Whether the event begins an operation that was not there before.
    #[must_use]
    pub fn begins(self) -> bool {
        matches!(self, Self::Authorize | Self::Capture | Self::Void | Self::Expire | Self::Refund)
    }

    /// Whether the event takes up an operation that was given up.
    #[must_use]
    pub fn resumes(self) -> bool {
        matches!(self, Self::ResumeAuthorize | Self::ResumeCapture | Self::ResumeVoid | Self::ResumeRefund)
    }
}
