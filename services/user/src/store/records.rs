//! Rows of bytes, and how they become what the domain knows.

use std::collections::BTreeMap;

use prost::Message;
use service_kit::{clock::UnixMillis, record};
use thiserror::Error;
use uuid::Uuid;

use super::Answer;
use crate::domain::{Attributes, DisplayName, Email, Locale, Profile, Session, User, UserId};

/// A row that this program did not write.
#[derive(Debug, Error)]
#[error("a stored row cannot be read: {0}")]
pub(super) struct Unreadable(String);

impl From<Unreadable> for redb::Error {
    fn from(error: Unreadable) -> Self {
        Self::Corrupted(error.0)
    }
}

impl From<redb::Error> for Unreadable {
    fn from(error: redb::Error) -> Self {
        Self(error.to_string())
    }
}

/// The letters that tell remembered answers apart.
const USER: u8 = b'u';
const PROFILE: u8 = b'p';
const DELETED: u8 = b'd';

#[derive(Clone, PartialEq, Message)]
struct UserRow {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(string, tag = "2")]
    email: String,
    #[prost(string, tag = "3")]
    email_normal: String,
    #[prost(string, tag = "4")]
    display_name: String,
    #[prost(string, tag = "5")]
    locale: String,
    #[prost(uint64, tag = "6")]
    version: u64,
    #[prost(uint64, tag = "7")]
    created: u64,
    #[prost(uint64, tag = "8")]
    updated: u64,
}

#[derive(Clone, PartialEq, Message)]
struct ProfileRow {
    #[prost(bytes = "vec", tag = "1")]
    user_id: Vec<u8>,
    #[prost(string, tag = "2")]
    display_name: String,
    #[prost(string, tag = "3")]
    locale: String,
    #[prost(btree_map = "string, string", tag = "4")]
    attributes: BTreeMap<String, String>,
    #[prost(uint64, tag = "5")]
    version: u64,
    #[prost(uint64, tag = "6")]
    created: u64,
    #[prost(uint64, tag = "7")]
    updated: u64,
}

#[derive(Clone, PartialEq, Message)]
struct SessionRow {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    user_id: Vec<u8>,
    #[prost(btree_map = "string, string", tag = "3")]
    attributes: BTreeMap<String, String>,
    #[prost(uint64, tag = "4")]
    created: u64,
    #[prost(uint64, tag = "5")]
    expires: u64,
}

fn uuid(bytes: &[u8]) -> Result<Uuid, Unreadable> {
    Uuid::from_slice(bytes).map_err(|error| Unreadable(format!("row: {error}")))
}

/// The answer to a request, as it is remembered: a letter for its kind, then its row.
pub(super) fn encode_answer(answer: &Answer) -> Vec<u8> {
    let (kind, body) = match answer {
        Answer::User(user) => (USER, encode_user(user)),
        Answer::Profile(profile) => (PROFILE, encode_profile(profile)),
        Answer::Deleted => (DELETED, Vec::new()),
    };
    let mut row = Vec::with_capacity(1 + body.len());
    row.push(kind);
    row.extend_from_slice(&body);
    row
}

pub(super) fn decode_answer(row: &[u8]) -> Result<Answer, Unreadable> {
    match row.split_first() {
        Some((&USER, body)) => decode_user(body).map(Answer::User),
        Some((&PROFILE, body)) => decode_profile(body).map(Answer::Profile),
        Some((&DELETED, _)) => Ok(Answer::Deleted),
        _ => Err(Unreadable("answer of unknown kind".to_owned())),
    }
}

pub(super) fn encode_user(user: &User) -> Vec<u8> {
    record::encode(&UserRow {
        id: user.id.0.as_bytes().to_vec(),
        email: user.email.as_str().to_owned(),
        email_normal: user.email.normal().to_owned(),
        display_name: user.display_name.as_str().to_owned(),
        locale: user.locale.as_str().to_owned(),
        version: user.version,
        created: user.created.0,
        updated: user.updated.0,
    })
}

pub(super) fn decode_user(row: &[u8]) -> Result<User, Unreadable> {
    let row: UserRow = record::decode(row)?;
    Ok(User {
        id: UserId(uuid(&row.id)?),
        email: Email::restore(row.email, row.email_normal),
        display_name: DisplayName::restore(row.display_name),
        locale: Locale::restore(row.locale),
        version: row.version,
        created: UnixMillis(row.created),
        updated: UnixMillis(row.updated),
    })
}

pub(super) fn encode_profile(profile: &Profile) -> Vec<u8> {
    record::encode(&ProfileRow {
        user_id: profile.user_id.0.as_bytes().to_vec(),
        display_name: profile.display_name.as_str().to_owned(),
        locale: profile.locale.as_str().to_owned(),
        attributes: profile.attributes.entries().clone(),
        version: profile.version,
        created: profile.created.0,
        updated: profile.updated.0,
    })
}

pub(super) fn decode_profile(row: &[u8]) -> Result<Profile, Unreadable> {
    let row: ProfileRow = record::decode(row)?;
    Ok(Profile {
        user_id: UserId(uuid(&row.user_id)?),
        display_name: DisplayName::restore(row.display_name),
        locale: Locale::restore(row.locale),
        attributes: Attributes::restore(row.attributes),
        version: row.version,
        created: UnixMillis(row.created),
        updated: UnixMillis(row.updated),
    })
}

pub(super) fn encode_session(session: &Session) -> Vec<u8> {
    record::encode(&SessionRow {
        id: session.id.as_bytes().to_vec(),
        user_id: session.user_id.0.as_bytes().to_vec(),
        attributes: session.attributes.entries().clone(),
        created: session.created.0,
        expires: session.expires.0,
    })
}

pub(super) fn decode_session(row: &[u8]) -> Result<Session, Unreadable> {
    let row: SessionRow = record::decode(row)?;
    Ok(Session {
        id: uuid(&row.id)?,
        user_id: UserId(uuid(&row.user_id)?),
        attributes: Attributes::restore(row.attributes),
        created: UnixMillis(row.created),
        expires: UnixMillis(row.expires),
    })
}
