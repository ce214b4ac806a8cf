//! Bugs that a test can turn on, and the points that are passed only with one.

/// A bug is turned on by `FAILPOINTS=name=return`.
pub const SWITCHES: &[&str] = &[
    "notification.between-seen-and-effect",
    "publisher.drop-offer",
    "bug.ack-before-effect",
    "bug.bucket-no-grace",
    "bug.cache-try-get-with",
    "bug.email-read-then-write",
    "bug.new-provider-key",
    "bug.no-fsync",
    "bug.seen-before-effect",
    "bug.unconditional-commit",
    "commit.lose-request",
    "commit.lose-answer",
    "commit.send-twice",
    "bug.cql-bucket-no-grace",
    "bug.ignore-returned",
    "bug.skip-fence",
];
