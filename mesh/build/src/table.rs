//! Writes the policy table as Rust.

use std::fmt::Write;
use std::time::Duration;

use mesh_policy::{HedgePolicy, MessageField, MethodPolicy, RateLimit, RetryPolicy};

/// The source of `policies.rs`. The policies are sorted by path.
pub(crate) fn render(policies: &[MethodPolicy]) -> String {
    let mut source = String::from(
        "/// What the contracts promise, by method.\n\
         pub static POLICIES: ::mesh_policy::PolicyTable = ::mesh_policy::PolicyTable::new(&[\n",
    );
    for policy in policies {
        source.push_str(&entry(policy));
    }
    source.push_str("]);\n");
    source
}

fn entry(policy: &MethodPolicy) -> String {
    let mut entry = String::from("    ::mesh_policy::MethodPolicy {\n");
    let mut field = |name: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(entry, "        {name}: {value},");
    };
    field("path", format!("{:?}", policy.path));
    field("idempotency", format!("::mesh_policy::Idempotency::{:?}", policy.idempotency));
    field("deadline", option(policy.deadline, duration));
    field("retry", option(policy.retry, retry));
    field("hedge", option(policy.hedge, hedge));
    field("criticality", format!("::mesh_policy::Criticality::{:?}", policy.criticality));
    field("rate_limit", option(policy.rate_limit, rate_limit));
    field("key_rate_limit", option(policy.key_rate_limit, rate_limit));
    field("hash_key", option(policy.hash_key, message_field));
    field("client_streaming", policy.client_streaming.to_string());
    field("server_streaming", policy.server_streaming.to_string());
    entry.push_str("    },\n");
    entry
}

fn option<T>(value: Option<T>, render: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "None".to_owned(), |value| format!("Some({})", render(value)))
}

fn duration(duration: Duration) -> String {
    format!("::core::time::Duration::new({}, {})", duration.as_secs(), duration.subsec_nanos())
}

fn retry(retry: RetryPolicy) -> String {
    format!(
        "::mesh_policy::RetryPolicy {{ max_attempts: {}, initial_backoff: {}, max_backoff: {}, \
         backoff_multiplier: {:?}, retryable_codes: ::mesh_policy::Codes::from_bits({}) }}",
        retry.max_attempts,
        duration(retry.initial_backoff),
        duration(retry.max_backoff),
        retry.backoff_multiplier,
        retry.retryable_codes.bits(),
    )
}

fn hedge(hedge: HedgePolicy) -> String {
    format!(
        "::mesh_policy::HedgePolicy {{ max_attempts: {}, delay: {} }}",
        hedge.max_attempts,
        duration(hedge.delay)
    )
}

fn rate_limit(limit: RateLimit) -> String {
    format!("::mesh_policy::RateLimit {{ per_second: {}, burst: {} }}", limit.per_second, limit.burst)
}

fn message_field(field: MessageField) -> String {
    format!(
        "::mesh_policy::MessageField {{ name: {:?}, path: &{:?}, encoding: ::mesh_policy::FieldEncoding::{:?} }}",
        field.name, field.path, field.encoding
    )
}
