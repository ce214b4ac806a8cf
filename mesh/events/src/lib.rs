//! Events: envelope, outbox, relay, bus and consumer runtime.
