//! Opaque page tokens (AIP-158): where the next page begins, readable only by the list that made them.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::error::Violation;

const CHECK_BYTES: usize = 4;

/// A token that this list did not give out.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not a page token of this list")]
pub struct BadToken;

impl From<BadToken> for Violation {
    fn from(error: BadToken) -> Self {
        Violation::new("page_token", "PAGE_TOKEN_INVALID", error.to_string())
    }
}

/// A size that makes no sense.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must not be negative")]
pub struct BadSize;

impl From<BadSize> for Violation {
    fn from(error: BadSize) -> Self {
        Violation::new("page_size", "PAGE_SIZE_INVALID", error.to_string())
    }
}

/// How many items a page of the asked size holds: 0 means 50, more than 1,000 means 1,000.
///
/// # Errors
/// When the size is negative.
pub fn page_size(asked: i32) -> Result<usize, BadSize> {
    match usize::try_from(asked) {
        Ok(0) => Ok(50),
        Ok(size) => Ok(size.min(1_000)),
        Err(_) => Err(BadSize),
    }
}

/// The token for the page after `last`, in the list named `list` (name what it filters by, too).
#[must_use]
pub fn encode(list: &str, last: &[u8]) -> String {
    let mut bytes = check(list, last).to_vec();
    bytes.extend_from_slice(last);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The item after which the page begins; `None` for the first page.
///
/// # Errors
/// When the token was not made by [`encode`] for the same list.
pub fn decode(list: &str, token: &str) -> Result<Option<Vec<u8>>, BadToken> {
    if token.is_empty() {
        return Ok(None);
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| BadToken)?;
    let (given, last) = bytes.split_at_checked(CHECK_BYTES).ok_or(BadToken)?;
    if given != check(list, last) {
        return Err(BadToken);
    }
    Ok(Some(last.to_vec()))
}

fn check(list: &str, last: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hash = Sha256::new();
    hash.update(list.as_bytes());
    hash.update([0]);
    hash.update(last);
    let digest: [u8; 32] = hash.finalize().into();
    [digest[0], digest[1], digest[2], digest[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_place() {
        let token = encode("users", b"last");
        assert_eq!(decode("users", &token), Ok(Some(b"last".to_vec())));
        assert_eq!(decode("users", ""), Ok(None));
    }

    #[test]
    fn a_token_of_another_list_or_of_nobody_is_refused() {
        let token = encode("users", b"last");
        assert_eq!(decode("notifications", &token), Err(BadToken));
        for nonsense in ["x", "AAAA", "AAAAAAAA", "%%%%", "ö"] {
            assert_eq!(decode("users", nonsense), Err(BadToken), "{nonsense}");
        }
    }

    #[test]
    fn sizes_are_defaulted_and_capped() {
        assert_eq!((page_size(0), page_size(7), page_size(5_000)), (Ok(50), Ok(7), Ok(1_000)));
        assert_eq!(page_size(-1), Err(BadSize));
    }
}
