//! What errors tell of when to come again.

use std::time::Duration;

use http::HeaderMap;
use mesh_policy::RateLimit;
use tonic_types::ErrorDetails;

use super::MeshError;
use crate::{
    pushback::{NEVER, PUSHBACK, RATE_LIMIT, RATE_LIMIT_POLICY},
    server::{quota, rounded_up},
};

impl MeshError {
    /// The headers that say so, and what the details add to them.
    pub(super) fn say_when(&self, details: &mut ErrorDetails) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match self {
            // A handler that passes the status on passes this on to its own caller.
            Self::ClientThrottled { .. } => _ = headers.insert(PUSHBACK, NEVER),
            Self::RateLimited { key, limit, wait, .. } => {
                // Limits have names: callers alone, or with them the field that tells their calls apart.
                let name = key.map_or_else(|| "caller".to_owned(), |key| format!("caller,{key}"));
                details.set_retry_info(Some(*wait));
                details.add_quota_failure_violation(&name, self.to_string());
                say_limit(&mut headers, &name, *limit, *wait);
            }
            _ => {}
        }
        headers
    }
}

/// When to come again, for gRPC (gRFC A6) and for HTTP (draft-ietf-httpapi-ratelimit-headers-11; the fields changed
/// their form from draft to draft, and are written here alone).
fn say_limit(headers: &mut HeaderMap, name: &str, limit: RateLimit, wait: Duration) {
    let ((millis, seconds), (quota, window)) = (rounded_up(wait), quota(limit));
    let fields = [
        (PUSHBACK, millis.min(i32::MAX as u128).to_string()),
        (RATE_LIMIT, format!("\"{name}\";r=0;t={seconds}")),
        (RATE_LIMIT_POLICY, format!("\"{name}\";q={quota};w={window}")),
    ];
    for (header, value) in fields {
        if let Ok(value) = value.parse() {
            headers.insert(header, value);
        }
    }
}
