//! Asks every rule.
//!
//! All findings are reported, not the first alone: whoever writes a contract or a configuration sees
//! everything that is wrong with it at once.

use std::time::Duration;

use super::{RequestShape, Unsafe, repeats, request};
use crate::MethodPolicy;

/// What is unsafe in a policy alone, without its contract: what configuration may not turn it into.
/// Empty when the policy is safe.
pub fn check_policy(policy: &MethodPolicy) -> Vec<Unsafe> {
    let mut found = Vec::new();
    match policy.deadline {
        None if !policy.server_streaming => found.push(Unsafe::NoDeadline),
        Some(Duration::ZERO) => found.push(Unsafe::ZeroDeadline),
        _ => {}
    }
    repeats::check(policy, &mut found);
    let limits = [("rate_limit", policy.rate_limit), ("key_rate_limit", policy.key_rate_limit)];
    for (name, limit) in limits {
        if limit.is_some_and(|limit| limit.per_second == 0 || limit.burst == 0) {
            found.push(Unsafe::ZeroRateLimit(name));
        }
    }
    if policy.key_rate_limit.is_some() && policy.hash_key.is_none() {
        found.push(Unsafe::KeyLimitWithoutKey);
    }
    if policy.hash_key.is_some() && policy.client_streaming {
        found.push(Unsafe::HashKeyOfStream);
    }
    found
}

/// What is unsafe in a policy as a contract declares it for a method with such a request.
/// Empty when the contract may be compiled.
pub fn check_contract(policy: &MethodPolicy, request: &RequestShape) -> Vec<Unsafe> {
    let mut found = check_policy(policy);
    request::check(policy, request, &mut found);
    found
}
