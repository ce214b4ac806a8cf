//! Requests that may be repeated (AIP-155): the same `request_id` again gets the same answer.
//!
//! A store remembers the answer in the transaction that makes it true, so there is no moment in which the
//! effect is there and its answer is not.

pub mod embedded;

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::error::Violation;

/// How long an answer is remembered.
pub const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);

/// The longest `request_id`, in characters.
pub const MAX_REQUEST_ID: usize = 64;

/// A request that a caller may repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Hash of the method and the caller's `request_id`.
    pub key: [u8; 32],
    /// Hash of everything the caller asked for: the same key with another fingerprint is a mistake.
    pub fingerprint: [u8; 32],
}

impl Request {
    /// The request that `method` was asked for under `request_id`, with its content as parts.
    ///
    /// `None` when the caller gave no `request_id`: such a request cannot be told from a new one.
    ///
    /// # Errors
    /// When the `request_id` is too long.
    pub fn new(method: &str, request_id: &str, content: &[&[u8]]) -> Result<Option<Self>, Violation> {
        if request_id.is_empty() {
            return Ok(None);
        }
        if request_id.chars().count() > MAX_REQUEST_ID {
            return Err(Violation::new(
                "request_id",
                "REQUEST_ID_TOO_LONG",
                format!("must be at most {MAX_REQUEST_ID} characters"),
            ));
        }
        let key = digest(&[method.as_bytes(), request_id.as_bytes()]);
        Ok(Some(Self { key, fingerprint: digest(content) }))
    }
}

impl Request {
    /// As [`Request::new`], with a whole message as the content. Maps in messages are sorted, so the same
    /// content is always the same bytes.
    ///
    /// # Errors
    /// When the `request_id` is too long.
    pub fn of_message(
        method: &str,
        request_id: &str,
        message: &impl prost::Message,
    ) -> Result<Option<Self>, Violation> {
        Self::new(method, request_id, &[&message.encode_to_vec()])
    }
}

/// Hashes parts so that no two different lists of parts are the same bytes.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_between_fields_is_other_content() {
        let one = Request::new("m", "id", &[b"ab", b"c"]).unwrap().unwrap();
        let two = Request::new("m", "id", &[b"a", b"bc"]).unwrap().unwrap();
        assert_eq!(one.key, two.key);
        assert_ne!(one.fingerprint, two.fingerprint);
    }

    #[test]
    fn one_id_may_serve_two_methods() {
        let one = Request::new("m", "id", &[]).unwrap().unwrap();
        let two = Request::new("n", "id", &[]).unwrap().unwrap();
        assert_ne!(one.key, two.key);
    }

    #[test]
    fn no_id_is_no_promise_and_a_long_one_is_refused() {
        assert_eq!(Request::new("m", "", &[]).unwrap(), None);
        assert!(Request::new("m", &"x".repeat(64), &[]).is_ok());
        assert_eq!(Request::new("m", &"x".repeat(65), &[]).unwrap_err().field, "request_id");
    }
}
