//! Profiles: what others see of a user.

use service_kit::clock::UnixMillis;

use super::{Attributes, DisplayName, Locale, User, UserId};

/// What others see of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Whose.
    pub user_id: UserId,
    /// The name shown.
    pub display_name: DisplayName,
    /// Their language, if known.
    pub locale: Locale,
    /// Free attributes.
    pub attributes: Attributes,
    /// 1 when created, one more with every change.
    pub version: u64,
    /// When it was created.
    pub created: UnixMillis,
    /// When it last changed.
    pub updated: UnixMillis,
}

impl Profile {
    /// The profile that a new user begins with.
    #[must_use]
    pub fn of(user: &User, now: UnixMillis) -> Self {
        Self {
            user_id: user.id,
            display_name: user.display_name.clone(),
            locale: user.locale.clone(),
            attributes: Attributes::default(),
            version: 1,
            created: now,
            updated: now,
        }
    }

    /// The profile after a change at `now`.
    #[must_use]
    pub fn changed(&self, change: &ProfileChange, now: UnixMillis) -> Self {
        Self {
            user_id: self.user_id,
            display_name: change.display_name.clone().unwrap_or_else(|| self.display_name.clone()),
            locale: change.locale.clone().unwrap_or_else(|| self.locale.clone()),
            attributes: change.attributes.clone().unwrap_or_else(|| self.attributes.clone()),
            version: self.version + 1,
            created: self.created,
            updated: now.max(self.updated),
        }
    }
}

/// New values for some of a profile's fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// A new name.
    pub display_name: Option<DisplayName>,
    /// A new language.
    pub locale: Option<Locale>,
    /// New attributes, in place of all before.
    pub attributes: Option<Attributes>,
}
