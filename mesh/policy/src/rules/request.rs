//! What a policy needs from the request message.

use std::fmt;

use super::Unsafe;
use crate::{Idempotency, MethodPolicy};

/// What the rules need to know of a contract beside its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestShape {
    /// The request's own field `request_id`.
    pub request_id: FieldShape,
    /// The field that the policy's `hash_key` names, dots followed; anything when it names none.
    pub hash_key: FieldShape,
    /// The contract says that repeating the write changes nothing, even without a `request_id`.
    pub naturally_idempotent: bool,
}

/// What a message has under a field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldShape {
    /// No such field, or a part of its dotted path is no single message.
    Missing,
    /// A list or a map.
    Repeated,
    /// One string.
    String,
    /// One run of bytes.
    Bytes,
    /// One integer, whatever its width and encoding.
    Integer,
    /// One value that is none of these: a message, an enum, a bool or a floating-point number.
    Other,
}

impl fmt::Display for FieldShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "does not exist",
            Self::Repeated => "is repeated",
            Self::String => "is a string",
            Self::Bytes => "is bytes",
            Self::Integer => "is an integer",
            Self::Other => "is a message, an enum, a bool or a floating-point number",
        })
    }
}

pub(super) fn check(policy: &MethodPolicy, request: &RequestShape, found: &mut Vec<Unsafe>) {
    // A stream's hash_key is refused as such, whatever it names.
    if let Some(key) = policy.hash_key.filter(|_| !policy.client_streaming) {
        let hashable =
            matches!(request.hash_key, FieldShape::String | FieldShape::Bytes | FieldShape::Integer);
        if !hashable {
            found.push(Unsafe::HashKey { key: key.name.to_owned(), shape: request.hash_key });
        }
    }
    match (policy.idempotency, request.naturally_idempotent) {
        (Idempotency::Idempotent, false) if request.request_id != FieldShape::String => {
            found.push(Unsafe::RequestId(request.request_id));
        }
        (Idempotency::Unknown | Idempotency::NoSideEffects, true) => {
            found.push(Unsafe::NaturalButNotIdempotent(policy.idempotency));
        }
        _ => {}
    }
}
