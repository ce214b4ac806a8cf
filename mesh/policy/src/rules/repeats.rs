//! Which calls may be sent again, and how often within their deadline.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Repeat, Unsafe};
use crate::{HedgePolicy, Idempotency, MethodPolicy, RetryPolicy};

/// How many attempts a call may have in all (gRFC A6: more than one, and never more than five).
pub const ATTEMPTS: RangeInclusive<u32> = 2..=5;

/// The least time that an attempt is reckoned with: a round trip within a data centre and a little work.
/// A retry policy fits its deadline when all its waits, each with the smallest jitter, and this much for
/// each attempt are together below the deadline: then the last attempt can at least end in time. A hedge
/// policy fits when all its delays and one attempt are.
pub const SHORTEST_ATTEMPT: Duration = Duration::from_millis(1);

pub(super) fn check(policy: &MethodPolicy, found: &mut Vec<Unsafe>) {
    if policy.retry.is_some() && policy.hedge.is_some() {
        found.push(Unsafe::RetryAndHedge);
    }
    if let Some(retry) = &policy.retry {
        check_retry(policy, retry, found);
    }
    if let Some(hedge) = &policy.hedge {
        check_hedge(policy, hedge, found);
    }
}

fn check_retry(policy: &MethodPolicy, retry: &RetryPolicy, found: &mut Vec<Unsafe>) {
    if policy.idempotency == Idempotency::Unknown {
        found.push(Unsafe::RetryOfUnknown);
    }
    if policy.client_streaming {
        found.push(Unsafe::RepeatedStream(Repeat::Retry));
    }
    if retry.retryable_codes.is_empty() {
        found.push(Unsafe::NoCodes);
    }
    if retry.retryable_codes.contains(0) {
        found.push(Unsafe::RetriedOk);
    }
    let before = found.len();
    check_attempts(Repeat::Retry, retry.max_attempts, found);
    if retry.initial_backoff.is_zero() {
        found.push(Unsafe::ZeroBackoff);
    }
    if retry.max_backoff < retry.initial_backoff {
        found.push(Unsafe::BackoffOrder { initial: retry.initial_backoff, max: retry.max_backoff });
    }
    if !(retry.backoff_multiplier.is_finite() && retry.backoff_multiplier >= 1.0) {
        found.push(Unsafe::Multiplier(retry.backoff_multiplier));
    }
    // Only numbers that make sense can be added up.
    if found.len() == before {
        let needed = retry.shortest_waits().saturating_add(SHORTEST_ATTEMPT * retry.max_attempts);
        check_fit(policy, Repeat::Retry, retry.max_attempts, needed, found);
    }
}

fn check_hedge(policy: &MethodPolicy, hedge: &HedgePolicy, found: &mut Vec<Unsafe>) {
    if policy.idempotency != Idempotency::NoSideEffects {
        found.push(Unsafe::HedgeOfEffects(policy.idempotency));
    }
    if policy.client_streaming {
        found.push(Unsafe::RepeatedStream(Repeat::Hedge));
    }
    let before = found.len();
    check_attempts(Repeat::Hedge, hedge.max_attempts, found);
    if hedge.delay.is_zero() {
        found.push(Unsafe::ZeroDelay);
    }
    if found.len() == before {
        let needed = hedge.delay.saturating_mul(hedge.max_attempts - 1).saturating_add(SHORTEST_ATTEMPT);
        check_fit(policy, Repeat::Hedge, hedge.max_attempts, needed, found);
    }
}

fn check_attempts(repeat: Repeat, max_attempts: u32, found: &mut Vec<Unsafe>) {
    if !ATTEMPTS.contains(&max_attempts) {
        found.push(Unsafe::Attempts { repeat, max_attempts });
    }
}

fn check_fit(
    policy: &MethodPolicy,
    repeat: Repeat,
    max_attempts: u32,
    needed: Duration,
    found: &mut Vec<Unsafe>,
) {
    // A deadline of zero is reported as such, and no deadline is never too short.
    let Some(deadline) = policy.deadline.filter(|deadline| !deadline.is_zero()) else { return };
    if needed >= deadline {
        found.push(Unsafe::DoesNotFit { repeat, max_attempts, needed, deadline });
    }
}
