//! Sessions: who holds the token is the user.

use std::{fmt, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::Rng;
use service_kit::{clock::UnixMillis, error::Violation};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Attributes, UserId};

const TOKEN_BYTES: usize = 32;
const DEFAULT_TTL: Duration = Duration::from_secs(24 * 3600);
const MIN_TTL: Duration = Duration::from_secs(1);

/// The longest a session may last.
pub const MAX_TTL: Duration = Duration::from_secs(30 * 24 * 3600);

/// 256 random bits that open a session. Told once, never stored, never logged.
pub struct Token([u8; TOKEN_BYTES]);

impl Token {
    /// A new token.
    pub fn random(rng: &mut impl Rng) -> Self {
        let mut bytes = [0; TOKEN_BYTES];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Reads a token; `None` if the text cannot be one, which a caller must not be able to tell from a
    /// token that opens nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The token as its holder gets it.
    #[must_use]
    pub fn reveal(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What is stored in its place. A plain hash is enough for a secret of 256 random bits.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// The SHA-256 of a [`Token`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// A user who has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names the session; it opens nothing.
    pub id: Uuid,
    /// Whose.
    pub user_id: UserId,
    /// What the caller wanted remembered.
    pub attributes: Attributes,
    /// When it was opened.
    pub created: UnixMillis,
    /// When it ends by itself.
    pub expires: UnixMillis,
}

/// How long a session of the asked length lasts; `None` means 24 hours.
///
/// # Errors
/// When it is shorter than a second or longer than 30 days.
pub fn ttl(field: &str, asked: Option<Duration>) -> Result<Duration, Violation> {
    match asked {
        None => Ok(DEFAULT_TTL),
        Some(ttl) if (MIN_TTL..=MAX_TTL).contains(&ttl) => Ok(ttl),
        Some(_) => Err(Violation::new(field, "TTL_INVALID", "must be 1 second to 30 days")),
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn a_token_reads_back_and_never_shows_itself() {
        let token = Token::random(&mut StdRng::seed_from_u64(1));
        let text = token.reveal();
        assert_eq!(text.len(), 43);
        assert_eq!(Token::parse(&text).unwrap().hash(), token.hash());
        assert_eq!(format!("{token:?}"), "Token(***)");
    }

    #[test]
    fn what_is_no_token_opens_nothing() {
        for wrong in ["", "x", &"A".repeat(42), &"A".repeat(44), "ö"] {
            assert!(Token::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn lasts_between_a_second_and_30_days() {
        assert_eq!(ttl("ttl", None), Ok(DEFAULT_TTL));
        assert!(ttl("ttl", Some(MAX_TTL)).is_ok());
        assert!(ttl("ttl", Some(Duration::ZERO)).is_err());
        assert!(ttl("ttl", Some(MAX_TTL + MIN_TTL)).is_err());
    }
}
