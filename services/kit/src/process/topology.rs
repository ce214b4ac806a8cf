//! Every queue of the platform.
//!
//! What is published before a queue is there is not for it. So whoever publishes makes all queues, those of services
//! that never ran yet among them; and a service must be able to make them without the others' code. This list is
//! what they agree on: the services say the same where they subscribe, and a test of the stack compares the two.

use mesh_events::{EventKind, Subscription};

/// Queues, and the kinds of events that each collects.
const QUEUES: [(&str, &[&str]); 3] = [
    ("user.profile", &["user.created"]),
    ("notification.welcome", &["user.created"]),
    (
        "notification.receipts",
        &["payment.captured", "payment.canceled", "payment.refunded", "payment.failed"],
    ),
];

/// Every queue of the platform, and what it collects.
#[must_use]
pub fn topology() -> Vec<Subscription> {
    let kinds = |kinds: &'static [&'static str]| kinds.iter().map(|kind| EventKind::from_static(kind));
    QUEUES.iter().map(|(queue, collects)| Subscription::new(*queue, kinds(collects))).collect()
}
