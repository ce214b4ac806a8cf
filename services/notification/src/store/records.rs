//! The record of a notification, the same in every store.

use std::collections::BTreeMap;

use prost::Message;
use service_kit::{clock::UnixMillis, record};
use thiserror::Error;
use uuid::Uuid;

use crate::domain::{Content, Notification, NotificationId, Recipient, State, Text};

/// A record that this version of the program cannot read.
#[derive(Debug, Error)]
pub(super) enum RecordError {
    /// It is no record of a known version.
    #[error("the record has an unknown shape")]
    Shape(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It is in a state that is not known.
    #[error("the record has the unknown state {0}")]
    State(u32),
    /// It names something by other than a UUID.
    #[error("the record has an id that is none")]
    Id(#[from] uuid::Error),
}

#[derive(Clone, PartialEq, Message)]
struct Row {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    user_id: Vec<u8>,
    #[prost(string, tag = "3")]
    recipient: String,
    /// Empty for a notification given as text.
    #[prost(string, tag = "4")]
    template: String,
    #[prost(btree_map = "string, string", tag = "5")]
    parameters: BTreeMap<String, String>,
    #[prost(string, tag = "6")]
    subject: String,
    #[prost(string, tag = "7")]
    body: String,
    #[prost(uint32, tag = "8")]
    state: u32,
    #[prost(uint32, tag = "9")]
    attempts: u32,
    #[prost(string, tag = "10")]
    last_error: String,
    #[prost(uint64, tag = "11")]
    due: u64,
    #[prost(uint64, tag = "12")]
    created: u64,
    #[prost(uint64, tag = "13")]
    updated: u64,
}

fn number(state: State) -> u32 {
    match state {
        State::Queued => 1,
        State::Sending => 2,
        State::Sent => 3,
        State::Retrying => 4,
        State::Failed => 5,
    }
}

fn state(number: u32) -> Result<State, RecordError> {
    Ok(match number {
        1 => State::Queued,
        2 => State::Sending,
        3 => State::Sent,
        4 => State::Retrying,
        5 => State::Failed,
        _ => return Err(RecordError::State(number)),
    })
}

fn uuid(bytes: &[u8]) -> Result<Uuid, RecordError> {
    Ok(Uuid::from_slice(bytes)?)
}

pub(super) fn encode(notification: &Notification) -> Vec<u8> {
    let (template, parameters, body) = match &notification.content {
        Content::Template { name, parameters } => (name.clone(), parameters.clone(), String::new()),
        Content::Text(text) => (String::new(), BTreeMap::new(), text.body().to_owned()),
    };
    record::encode(&Row {
        id: notification.id.0.as_bytes().to_vec(),
        user_id: notification.user_id.as_bytes().to_vec(),
        recipient: notification.recipient.as_str().to_owned(),
        template,
        parameters,
        subject: notification.subject.clone(),
        body,
        state: number(notification.state),
        attempts: notification.attempts,
        last_error: notification.last_error.clone(),
        due: notification.due.0,
        created: notification.created.0,
        updated: notification.updated.0,
    })
}

pub(super) fn decode(row: &[u8]) -> Result<Notification, RecordError> {
    let row: Row = record::decode(row).map_err(|error| RecordError::Shape(error.into()))?;
    let content = if row.template.is_empty() {
        Content::Text(Text::restore(row.subject.clone(), row.body))
    } else {
        Content::Template { name: row.template, parameters: row.parameters }
    };
    Ok(Notification {
        id: NotificationId(uuid(&row.id)?),
        user_id: uuid(&row.user_id)?,
        recipient: Recipient::restore(row.recipient),
        content,
        subject: row.subject,
        state: state(row.state)?,
        attempts: row.attempts,
        last_error: row.last_error,
        due: UnixMillis(row.due),
        created: UnixMillis(row.created),
        updated: UnixMillis(row.updated),
    })
}
