//! The partition of a user, and how its columns become what the domain knows.

use std::collections::BTreeMap;

use scylla::{DeserializeRow, value::CqlValue};
use service_kit::{
    clock::UnixMillis,
    cql::{Bound, CqlError},
};

use super::{CqlStore, statements::Statements};
use crate::{
    domain::{Attributes, DisplayName, Email, Locale, Profile, User, UserId},
    store::Consistency,
};

const ACTIVE: &str = "active";

/// What a partition says.
#[derive(Clone, Debug, Default)]
pub(super) struct Partition {
    /// Grows with every change; `None` when there never was one.
    pub(super) rev: Option<i64>,
    /// The user, unless deleted or never created.
    pub(super) user: Option<User>,
    /// The profile, if it was read and there is one.
    pub(super) profile: Option<Profile>,
}

impl Partition {
    /// Whether its user has this address now.
    pub(super) fn has(&self, normal: &str) -> bool {
        self.user.as_ref().is_some_and(|user| user.email.normal() == normal)
    }
}

impl CqlStore {
    /// The partition without the profile.
    pub(super) async fn user_part(
        &self,
        id: UserId,
        consistency: Consistency,
    ) -> Result<Partition, CqlError> {
        let rows = self.cql.rows(self.statements.user.at(consistency), (id.0,)).await?;
        match rows.maybe_first_row::<UserColumns>().map_err(CqlError::unexpected)? {
            None => Ok(Partition::default()),
            Some(columns) => Ok(Partition { rev: columns.rev, user: columns.user()?, profile: None }),
        }
    }

    /// The partition with the profile.
    pub(super) async fn partition(
        &self,
        id: UserId,
        consistency: Consistency,
    ) -> Result<Partition, CqlError> {
        let rows = self.cql.rows(self.statements.whole.at(consistency), (id.0,)).await?;
        match rows.maybe_first_row::<AllColumns>().map_err(CqlError::unexpected)? {
            None => Ok(Partition::default()),
            Some(columns) => columns.partition(),
        }
    }
}

#[derive(DeserializeRow)]
struct UserColumns {
    user_id: uuid::Uuid,
    rev: Option<i64>,
    status: Option<String>,
    email: Option<String>,
    email_norm: Option<String>,
    display_name: Option<String>,
    locale: Option<String>,
    version: Option<i64>,
    create_time_ms: Option<i64>,
    update_time_ms: Option<i64>,
}

#[derive(DeserializeRow)]
struct AllColumns {
    user_id: uuid::Uuid,
    rev: Option<i64>,
    status: Option<String>,
    email: Option<String>,
    email_norm: Option<String>,
    display_name: Option<String>,
    locale: Option<String>,
    version: Option<i64>,
    create_time_ms: Option<i64>,
    update_time_ms: Option<i64>,
    profile_version: Option<i64>,
    profile_display_name: Option<String>,
    profile_locale: Option<String>,
    profile_attributes: Option<BTreeMap<String, String>>,
    profile_create_time_ms: Option<i64>,
    profile_update_time_ms: Option<i64>,
}

impl UserColumns {
    fn user(self) -> Result<Option<User>, CqlError> {
        if self.status.as_deref() != Some(ACTIVE) {
            return Ok(None);
        }
        let email = Email::restore(there(self.email, "email")?, there(self.email_norm, "email_norm")?);
        Ok(Some(User {
            id: UserId(self.user_id),
            email,
            display_name: DisplayName::restore(there(self.display_name, "display_name")?),
            locale: Locale::restore(self.locale.unwrap_or_default()),
            version: natural(self.version, "version")?,
            created: UnixMillis(natural(self.create_time_ms, "create_time_ms")?),
            updated: UnixMillis(natural(self.update_time_ms, "update_time_ms")?),
        }))
    }
}

impl AllColumns {
    fn partition(self) -> Result<Partition, CqlError> {
        let user_id = UserId(self.user_id);
        let profile = match self.profile_version {
            None => None,
            version => Some(Profile {
                user_id,
                display_name: DisplayName::restore(there(self.profile_display_name, "profile_display_name")?),
                locale: Locale::restore(self.profile_locale.unwrap_or_default()),
                attributes: Attributes::restore(self.profile_attributes.unwrap_or_default()),
                version: natural(version, "profile_version")?,
                created: UnixMillis(natural(self.profile_create_time_ms, "profile_create_time_ms")?),
                updated: UnixMillis(natural(self.profile_update_time_ms, "profile_update_time_ms")?),
            }),
        };
        let user = UserColumns {
            user_id: self.user_id,
            rev: self.rev,
            status: self.status,
            email: self.email,
            email_norm: self.email_norm,
            display_name: self.display_name,
            locale: self.locale,
            version: self.version,
            create_time_ms: self.create_time_ms,
            update_time_ms: self.update_time_ms,
        };
        let user = user.user()?;
        // A profile without a user is nobody's.
        Ok(Partition { rev: self.rev, profile: profile.filter(|_| user.is_some()), user })
    }
}

impl Statements {
    /// Puts `user` into its partition; part of a commit.
    pub(super) fn put_user(&self, user: &User) -> Bound {
        self.set_user.bind(vec![
            text(user.email.as_str()),
            text(user.email.normal()),
            text(user.display_name.as_str()),
            text(user.locale.as_str()),
            number(user.version),
            number(user.created.0),
            number(user.updated.0),
            key(user.id).into(),
        ])
    }

    /// Puts `profile` into its partition; part of a commit.
    pub(super) fn put_profile(&self, profile: &Profile) -> Bound {
        self.set_profile.bind(vec![
            number(profile.version),
            text(profile.display_name.as_str()),
            text(profile.locale.as_str()),
            map(&profile.attributes),
            number(profile.created.0),
            number(profile.updated.0),
            key(profile.user_id).into(),
        ])
    }

    /// Leaves of the user that there was one, whose last version was `version`; part of a commit.
    pub(super) fn put_deleted(&self, id: UserId, version: u64, now: UnixMillis) -> Bound {
        self.set_deleted.bind(vec![number(version), number(now.0), key(id).into()])
    }
}

/// The key of a user's partition.
pub(super) fn key(id: UserId) -> CqlValue {
    CqlValue::Uuid(id.0)
}

fn text(text: &str) -> Option<CqlValue> {
    Some(CqlValue::Text(text.to_owned()))
}

fn map(attributes: &Attributes) -> Option<CqlValue> {
    let text = |text: &String| CqlValue::Text(text.clone());
    Some(CqlValue::Map(attributes.entries().iter().map(|(k, v)| (text(k), text(v))).collect()))
}

fn number(number: u64) -> Option<CqlValue> {
    Some(CqlValue::BigInt(signed(number)))
}

/// A number as CQL keeps it. Versions and times stay far below its end.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that this program wrote by [`signed`].
pub(super) fn natural(number: Option<i64>, column: &'static str) -> Result<u64, CqlError> {
    there(number.and_then(|number| u64::try_from(number).ok()), column)
}

/// A value that is always there beside those that were found.
pub(super) fn there<T>(value: Option<T>, column: &'static str) -> Result<T, CqlError> {
    value.ok_or_else(|| CqlError::unexpected(format!("{column} is missing or negative")))
}
