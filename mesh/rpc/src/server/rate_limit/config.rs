//! Whom limits are for, beside what contracts say.

use std::ops::RangeInclusive;

use http::HeaderName;
use mesh_policy::RateLimit;

/// How large a table may be, in keys.
const SIZES: RangeInclusive<u32> = 64..=1 << 24;

/// Whom limits are for, and which there are beside those of contracts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitConfig {
    /// Whether callers are limited at all.
    pub enabled: bool,
    /// How many pairs of a caller and a method are remembered, rounded up to a power of two; 16 bytes each. When
    /// there are more, those are forgotten whose buckets are nearest to full, which changes least.
    pub keys: u32,
    /// The metadata key that names a caller. Without one a caller is the address that its connection comes from, and
    /// everybody behind one proxy is one caller. Only for a server behind something that sets the key itself: who
    /// may choose its own name has no limit.
    pub caller_key: Option<String>,
    /// Limits by path (`/user.v1.UserService/GetUser`). Of the contract's limit and this one the lower numbers hold.
    pub methods: Vec<(String, RateLimit)>,
    /// Limits by path for one value of the method's `hash_key`, which its contract must have. Of the contract's limit
    /// and this one the lower numbers hold.
    pub key_methods: Vec<(String, RateLimit)>,
    /// How many triples of a caller, a method and a value of its `hash_key` are remembered, if any method has such a
    /// limit: as `keys`, in a table of their own, so that no flood of values makes a caller forgotten.
    pub message_keys: u32,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            keys: 16_384,
            caller_key: None,
            methods: Vec::new(),
            key_methods: Vec::new(),
            message_keys: 65_536,
        }
    }
}

impl RateLimitConfig {
    /// The first field that no server can work with, and what it must be.
    pub(in crate::server) fn mistake(&self) -> Option<&'static str> {
        let is_zero = |(_, limit): &(String, RateLimit)| limit.per_second == 0 || limit.burst == 0;
        if !SIZES.contains(&self.keys) {
            Some("rate_limit.keys must be from 64 to 16777216")
        } else if !SIZES.contains(&self.message_keys) {
            Some("rate_limit.message_keys must be from 64 to 16777216")
        } else if self.caller_key.as_ref().is_some_and(|key| HeaderName::try_from(key.as_str()).is_err()) {
            Some("rate_limit.caller_key must be a metadata key")
        } else if self.methods.iter().chain(&self.key_methods).any(is_zero) {
            Some("rate_limit.methods and rate_limit.key_methods must allow at least one call")
        } else {
            None
        }
    }
}
