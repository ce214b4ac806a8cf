//! The names, in two lists: a test compares them with the sources, and another one with the crash matrices of the
//! stack, one for each of its grounds.

/// Points at which a process may die, in the order in which work passes them; the stack passes all of them when
/// everything in it is embedded.
pub const POINTS: &[&str] = &[
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

/// Further ones, which are passed only with a CQL cluster or with RabbitMQ.
pub const POINTS_ON_SERVERS: &[&str] = &[
    "notification.before-row",
    "notification.before-unpoint",
    "commit.after-intent",
    "commit.before-commit",
    "commit.after-commit",
    "commit.after-mark",
];
