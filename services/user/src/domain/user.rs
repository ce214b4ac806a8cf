//! Users.

use std::fmt;

use service_kit::{clock::UnixMillis, error::Violation};
use uuid::Uuid;

use super::{DisplayName, Email, Locale};

/// The namespace of ids that are derived from what a caller sent.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f1c_9a52_3b7d_5e46_a0d1_64c2_7be9_3f05);

/// Names a user.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub Uuid);

impl UserId {
    /// A new id; ids made later sort later.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id that a request always leads to, so that its repeats meet the user that it made.
    #[must_use]
    pub fn derived(request: &[u8]) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, request))
    }

    /// Reads an id.
    ///
    /// # Errors
    /// When the text is not a UUID.
    pub fn parse(field: &str, text: &str) -> Result<Self, Violation> {
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| Violation::new(field, "USER_ID_INVALID", "must be a UUID"))
    }

    /// The event `name` of this user, always under the same id.
    #[must_use]
    pub fn event_id(self, name: &str) -> Uuid {
        Uuid::new_v5(&self.0, name.as_bytes())
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// Their address, unique in its normal form.
    pub email: Email,
    /// The name the account was opened under.
    pub display_name: DisplayName,
    /// Their language, if known.
    pub locale: Locale,
    /// 1 when created, one more with every change.
    pub version: u64,
    /// When it was created.
    pub created: UnixMillis,
    /// When it last changed.
    pub updated: UnixMillis,
}

impl User {
    /// The user after a change at `now`.
    #[must_use]
    pub fn changed(&self, change: &UserChange, now: UnixMillis) -> Self {
        Self {
            id: self.id,
            email: change.email.clone().unwrap_or_else(|| self.email.clone()),
            display_name: change.display_name.clone().unwrap_or_else(|| self.display_name.clone()),
            locale: change.locale.clone().unwrap_or_else(|| self.locale.clone()),
            version: self.version + 1,
            created: self.created,
            // A clock that was set back must not make the last change older than the one before.
            updated: now.max(self.updated),
        }
    }
}

/// New values for some of a user's fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChange {
    /// A new address.
    pub email: Option<Email>,
    /// A new name.
    pub display_name: Option<DisplayName>,
    /// A new language.
    pub locale: Option<Locale>,
}

/// The etag of a version: opaque to callers, quoted as RFC 9110 writes it.
#[must_use]
pub fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// The version that an etag names; `None` for the empty one, which means "whatever it is now".
///
/// # Errors
/// When no version has this etag.
pub fn version_of(field: &str, etag: &str) -> Result<Option<u64>, Violation> {
    if etag.is_empty() {
        return Ok(None);
    }
    let version = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|v| v.parse().ok());
    version
        .map(Some)
        .ok_or_else(|| Violation::new(field, "ETAG_INVALID", "must be an etag that was given out, or empty"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_leads_back_to_its_version() {
        assert_eq!(version_of("etag", &etag(17)), Ok(Some(17)));
        assert_eq!(version_of("etag", ""), Ok(None));
        for wrong in ["17", "\"\"", "\"x\"", "\"1", "W/\"1\"", "\"-1\""] {
            assert!(version_of("etag", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_request_always_leads_to_the_same_id() {
        assert_eq!(UserId::derived(b"r"), UserId::derived(b"r"));
        assert_ne!(UserId::derived(b"r"), UserId::derived(b"s"));
        assert_ne!(
            UserId::derived(b"r").event_id("user.created"),
            UserId::derived(b"r").event_id("user.deleted")
        );
    }
}
