//! The names, in one list: a test compares it with the sources, and the matrix goes through it.

/// Points at which a process may die, in the order in which work passes them.
pub(crate) const POINTS: &[&str] = &[
    "user.before-commit",
    "user.after-commit",
    "store.before-commit",
    "store.after-commit",
    "relay.before-publish",
    "relay.after-publish",
    "consumer.before-effect",
    "consumer.after-effect",
    "consumer.after-ack",
    "mail.before-send",
    "mail.after-send",
    "mail.after-record",
    "payment.before-intent",
    "payment.after-intent",
    "payment.after-provider",
    "payment.after-settle",
    "cache.after-load",
];
