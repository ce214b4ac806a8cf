//! Messages of domain values.

use mesh_events::ParkedEvent;
use proto::notification::v1;
use service_kit::clock::{UnixMillis, timestamp};

use crate::domain::{Content, Notification, State};

pub(super) fn notification(notification: &Notification, domain: &str) -> v1::Notification {
    let template = match &notification.content {
        Content::Template { name, .. } => name.clone(),
        Content::Text(_) => String::new(),
    };
    v1::Notification {
        notification_id: notification.id.to_string(),
        user_id: notification.user_id.to_string(),
        channel: v1::Channel::Email.into(),
        recipient: notification.recipient.as_str().to_owned(),
        template,
        subject: notification.subject.clone(),
        state: state(notification.state).into(),
        attempts: i32::try_from(notification.attempts).unwrap_or(i32::MAX),
        last_error: notification.last_error.clone(),
        message_id: notification.message_id(domain),
        create_time: Some(timestamp(notification.created)),
        update_time: Some(timestamp(notification.updated)),
    }
}

fn state(state: State) -> v1::State {
    match state {
        State::Queued => v1::State::Queued,
        State::Sending => v1::State::Sending,
        State::Sent => v1::State::Sent,
        State::Retrying => v1::State::Retrying,
        State::Failed => v1::State::Failed,
    }
}

pub(super) fn parked(queue: String, event: ParkedEvent) -> v1::ParkedEvent {
    v1::ParkedEvent {
        queue,
        event_id: event.envelope.id.to_string(),
        event_type: event.envelope.kind.as_str().to_owned(),
        subject: event.envelope.subject.to_string(),
        reason: event.reason,
        attempts: i32::try_from(event.attempts).unwrap_or(i32::MAX),
        park_time: Some(timestamp(UnixMillis(event.park_time_ms))),
    }
}
