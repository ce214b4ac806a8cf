//! Why a promise is unsafe, in words for whoever made it.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::{ATTEMPTS, FieldShape, SHORTEST_ATTEMPT};
use crate::Idempotency;

/// One reason why a policy must not be followed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Unsafe {
    /// Only a response stream may go on without end.
    #[error("has no deadline; only a method that streams its responses may do without")]
    NoDeadline,
    /// Such a call could never succeed.
    #[error("has a deadline of zero")]
    ZeroDeadline,
    /// Nobody said that a second time is harmless.
    #[error("retries a method whose idempotency_level is not set")]
    RetryOfUnknown,
    /// Hedged attempts run at the same time, so even an idempotent write is carried out twice at once.
    #[error("hedges a method whose idempotency_level is {}, not NO_SIDE_EFFECTS", level(*.0))]
    HedgeOfEffects(Idempotency),
    /// A caller's stream can be longer than what is kept of it.
    #[error("has a {0} policy, but a stream of requests cannot be repeated")]
    RepeatedStream(Repeat),
    /// A call is governed by one of the two (gRFC A6).
    #[error("has both a retry and a hedge policy; a method may have one")]
    RetryAndHedge,
    /// Outside the bounds of gRFC A6.
    #[error(
        "has a {repeat} policy with max_attempts {max_attempts}, not {} to {}",
        ATTEMPTS.start(),
        ATTEMPTS.end()
    )]
    Attempts {
        /// The policy that says so.
        repeat: Repeat,
        /// What it says.
        max_attempts: u32,
    },
    /// Attempts without a wait fall on a server that is already in trouble.
    #[error("has a retry policy whose initial_backoff is not above zero")]
    ZeroBackoff,
    /// The longest wait bounds the first one too.
    #[error("has a retry policy whose max_backoff {max:?} is below its initial_backoff {initial:?}")]
    BackoffOrder {
        /// The wait before the second attempt.
        initial: Duration,
        /// The longest wait.
        max: Duration,
    },
    /// Waits that shrink, or are no number at all.
    #[error("has a retry policy whose backoff_multiplier is {0}, not a finite number of at least 1")]
    Multiplier(f64),
    /// A retry policy that retries nothing.
    #[error("has a retry policy without retryable_codes")]
    NoCodes,
    /// A success that would be repeated.
    #[error("has a retry policy that retries OK")]
    RetriedOk,
    /// All attempts at once double the load for nothing.
    #[error("has a hedge policy whose delay is not above zero")]
    ZeroDelay,
    /// The last attempt could never start, or never finish.
    #[error(
        "has a {repeat} policy whose {max_attempts} attempts need more than {needed:?} \
         (the shortest waits, and {SHORTEST_ATTEMPT:?} an attempt), but its deadline is {deadline:?}"
    )]
    DoesNotFit {
        /// The policy that says so.
        repeat: Repeat,
        /// Attempts in all.
        max_attempts: u32,
        /// The least time that all of them take.
        needed: Duration,
        /// The time there is.
        deadline: Duration,
    },
    /// Nothing would ever pass.
    #[error("has a {0} whose per_second or burst is zero")]
    ZeroRateLimit(&'static str),
    /// Nothing says which calls share a bucket.
    #[error("has a key_rate_limit, but no hash_key whose values it could limit")]
    KeyLimitWithoutKey,
    /// A replica is chosen before the first message is read.
    #[error("has a hash_key, but a stream of requests has no single value to hash")]
    HashKeyOfStream,
    /// The key cannot be taken from the request.
    #[error(
        "has the hash_key `{key}`, but that field of the request {shape}; it must be one string, bytes or integer"
    )]
    HashKey {
        /// The path of the field.
        key: String,
        /// What the request has there.
        shape: FieldShape,
    },
    /// Nothing tells the second call of a write from a new one.
    #[error(
        "is IDEMPOTENT, but its request's request_id {0}; give it a `string request_id` or say naturally_idempotent"
    )]
    RequestId(FieldShape),
    /// The word only excuses an idempotent write from its request_id.
    #[error("is naturally_idempotent, but its idempotency_level is {}, not IDEMPOTENT", level(*.0))]
    NaturalButNotIdempotent(Idempotency),
}

/// The two ways to send a call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// After a failed attempt.
    Retry,
    /// Beside a slow attempt.
    Hedge,
}

impl fmt::Display for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retry => "retry",
            Self::Hedge => "hedge",
        })
    }
}

/// The level as a contract spells it.
fn level(idempotency: Idempotency) -> &'static str {
    match idempotency {
        Idempotency::Unknown => "not set",
        Idempotency::NoSideEffects => "NO_SIDE_EFFECTS",
        Idempotency::Idempotent => "IDEMPOTENT",
    }
}
