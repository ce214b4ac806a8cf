//! Reads what `mesh/v1/policy.proto` lets a method say.
//!
//! Fields are found by name, so that the definition stays with the contracts; one that lacks a field
//! read here is reported, not taken as silence.

use std::time::Duration;

use mesh_policy::{Codes, Criticality, HedgePolicy, Idempotency, MethodPolicy, RateLimit, RetryPolicy};
use prost_reflect::{DynamicMessage, ExtensionDescriptor, MethodDescriptor, ReflectMessage, Value};
use prost_types::method_options::IdempotencyLevel;

use crate::error::{BuildError, Reason};
use crate::shape::message_field;

/// The option's full name.
pub(crate) const NAME: &str = "mesh.v1.method";

/// The longest `google.protobuf.Duration`, in seconds: 10,000 years.
const LONGEST_SECONDS: u64 = 315_576_000_000;

/// What a contract says of one method.
pub(crate) struct Promise {
    pub(crate) policy: MethodPolicy,
    pub(crate) naturally_idempotent: bool,
}

/// What `method` promises, or nothing if it has no policy. Values that mean nothing go to `reasons`.
pub(crate) fn read(
    option: Option<&ExtensionDescriptor>,
    method: &MethodDescriptor,
    reasons: &mut Vec<Reason>,
) -> Result<Option<Promise>, BuildError> {
    let options = method.options();
    let Some(option) = option.filter(|option| options.has_extension(option)) else { return Ok(None) };
    let value = options.get_extension(option);
    let said = value.as_message().ok_or_else(|| BuildError::Options("it is no message".to_owned()))?;

    let deadline =
        message(said, "deadline")?.map(|deadline| duration(&deadline, "deadline", reasons)).transpose()?;
    let hash_key = field(said, "hash_key", |key| key.as_str().map(str::to_owned))?;
    let policy = MethodPolicy {
        path: keep(format!("/{}/{}", method.parent_service().full_name(), method.name())),
        idempotency: idempotency(method),
        deadline,
        retry: message(said, "retry")?.map(|said| retry(&said, reasons)).transpose()?,
        hedge: message(said, "hedge")?.map(|said| hedge(&said, reasons)).transpose()?,
        criticality: criticality(said)?,
        rate_limit: message(said, "rate_limit")?.map(|said| rate_limit(&said)).transpose()?,
        key_rate_limit: message(said, "key_rate_limit")?.map(|said| rate_limit(&said)).transpose()?,
        hash_key: (!hash_key.is_empty()).then(|| message_field(&method.input(), keep(hash_key))),
        client_streaming: method.is_client_streaming(),
        server_streaming: method.is_server_streaming(),
    };
    let naturally_idempotent = field(said, "naturally_idempotent", Value::as_bool)?;
    Ok(Some(Promise { policy, naturally_idempotent }))
}

/// A policy holds static text, as it has in the table. The few names of a build live as long as the build.
fn keep(text: String) -> &'static str {
    text.leak()
}

fn idempotency(method: &MethodDescriptor) -> Idempotency {
    let options = method.method_descriptor_proto().options.as_ref();
    match options.map_or(IdempotencyLevel::IdempotencyUnknown, |options| options.idempotency_level()) {
        IdempotencyLevel::IdempotencyUnknown => Idempotency::Unknown,
        IdempotencyLevel::NoSideEffects => Idempotency::NoSideEffects,
        IdempotencyLevel::Idempotent => Idempotency::Idempotent,
    }
}

fn retry(said: &DynamicMessage, reasons: &mut Vec<Reason>) -> Result<RetryPolicy, BuildError> {
    let names: Vec<String> = field(said, "retryable_codes", |names| {
        names.as_list()?.iter().map(|name| name.as_str().map(str::to_owned)).collect()
    })?;
    let mut retryable_codes = Codes::NONE;
    for name in names {
        match Codes::number(&name) {
            Some(code) => retryable_codes = retryable_codes.with(code),
            None => reasons.push(Reason::UnknownCode(name)),
        }
    }
    Ok(RetryPolicy {
        max_attempts: field(said, "max_attempts", Value::as_u32)?,
        initial_backoff: wait(said, "initial_backoff", reasons)?,
        max_backoff: wait(said, "max_backoff", reasons)?,
        backoff_multiplier: field(said, "backoff_multiplier", Value::as_f64)?,
        retryable_codes,
    })
}

fn hedge(said: &DynamicMessage, reasons: &mut Vec<Reason>) -> Result<HedgePolicy, BuildError> {
    Ok(HedgePolicy {
        max_attempts: field(said, "max_attempts", Value::as_u32)?,
        delay: wait(said, "delay", reasons)?,
    })
}

fn rate_limit(said: &DynamicMessage) -> Result<RateLimit, BuildError> {
    Ok(RateLimit {
        per_second: field(said, "per_second", Value::as_u32)?,
        burst: field(said, "burst", Value::as_u32)?,
    })
}

fn criticality(said: &DynamicMessage) -> Result<Criticality, BuildError> {
    let number = field(said, "criticality", Value::as_enum_number)?;
    let kind = said.descriptor().get_field_by_name("criticality").map(|field| field.kind());
    let value = kind.as_ref().and_then(|kind| kind.as_enum()?.get_value(number));
    match value.as_ref().map(|value| value.name()) {
        Some("CRITICALITY_SHEDDABLE") => Ok(Criticality::Sheddable),
        Some("CRITICALITY_UNSPECIFIED" | "CRITICALITY_DEFAULT") => Ok(Criticality::Default),
        Some("CRITICALITY_CRITICAL") => Ok(Criticality::Critical),
        _ => Err(BuildError::Options(format!("it has a criticality {number} that mesh-build does not know"))),
    }
}

/// A wait that is not said is no wait, which the rules then refuse.
fn wait(
    said: &DynamicMessage,
    name: &'static str,
    reasons: &mut Vec<Reason>,
) -> Result<Duration, BuildError> {
    message(said, name)?.map_or(Ok(Duration::ZERO), |said| duration(&said, name, reasons))
}

/// A `google.protobuf.Duration`; one that is none goes to `reasons`.
fn duration(
    said: &DynamicMessage,
    name: &'static str,
    reasons: &mut Vec<Reason>,
) -> Result<Duration, BuildError> {
    let seconds = u64::try_from(field(said, "seconds", Value::as_i64)?);
    let nanos = u32::try_from(field(said, "nanos", Value::as_i32)?);
    match (seconds, nanos) {
        (Ok(seconds @ ..=LONGEST_SECONDS), Ok(nanos @ ..=999_999_999)) => Ok(Duration::new(seconds, nanos)),
        _ => {
            reasons.push(Reason::Duration(name));
            Ok(Duration::ZERO)
        }
    }
}

/// The message in the field `name`, or nothing if it was not said.
fn message(said: &DynamicMessage, name: &str) -> Result<Option<DynamicMessage>, BuildError> {
    let value = field(said, name, |value| value.as_message().cloned())?;
    Ok(said.has_field_by_name(name).then_some(value))
}

/// The value of the field `name`, its default if it was not said.
fn field<T>(
    said: &DynamicMessage,
    name: &str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<T, BuildError> {
    said.get_field_by_name(name).and_then(|value| read(&value)).ok_or_else(|| {
        let message = said.descriptor();
        BuildError::Options(format!("{} has no field `{name}` of the expected type", message.full_name()))
    })
}
