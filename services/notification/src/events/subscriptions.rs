//! What this service wants to be told.

use mesh_events::{EventKind, Subscription};

/// The queue of the consumer that welcomes new users.
pub const WELCOME_QUEUE: &str = "notification.welcome";

/// The queue of the consumer that sends receipts.
pub const RECEIPTS_QUEUE: &str = "notification.receipts";

/// Money was taken.
pub(super) const CAPTURED: &str = "payment.captured";
/// Money was let go before any was taken.
pub(super) const CANCELED: &str = "payment.canceled";
/// Money was given back.
pub(super) const REFUNDED: &str = "payment.refunded";
/// The provider refused.
pub(super) const FAILED: &str = "payment.failed";

/// Every subscription of this service.
#[must_use]
pub fn subscriptions() -> [Subscription; 2] {
    [welcomes(), receipts()]
}

/// New users, who get a welcome mail.
#[must_use]
pub fn welcomes() -> Subscription {
    Subscription::new(WELCOME_QUEUE, [EventKind::from_static("user.created")])
}

/// What became of payments, of which those who pay get a receipt. Not payment.authorized: money that is only held
/// may never be taken, and a mail about it would be taken for a receipt.
#[must_use]
pub fn receipts() -> Subscription {
    Subscription::new(RECEIPTS_QUEUE, [CAPTURED, CANCELED, REFUNDED, FAILED].map(EventKind::from_static))
}
