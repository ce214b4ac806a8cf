//! Notifications and the states they go through.

use std::{fmt, time::Duration};

use service_kit::{clock::UnixMillis, error::Violation};
use uuid::Uuid;

use super::{Content, Recipient};

/// The namespace of ids that are derived from what a caller sent.
const NAMESPACE: Uuid = Uuid::from_u128(0x2d6e_07c4_91ab_5f38_8c52_e0b4_5d17_a96f);

/// The waits after the first, second, … failed try; the last one repeats.
const LADDER: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(60), Duration::from_secs(600), Duration::from_secs(3_600)];

/// Tries after which a notification has failed for good.
const MAX_ATTEMPTS: u32 = 8;

/// Names a notification.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NotificationId(pub Uuid);

impl NotificationId {
    /// A new id.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id that a request always leads to.
    #[must_use]
    pub fn derived(request: &[u8]) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, request))
    }

    /// The id of the notification that `purpose` makes of an event: however often the event comes, it is one
    /// notification.
    #[must_use]
    pub fn of_event(event: Uuid, purpose: &str) -> Self {
        Self(Uuid::new_v5(&event, purpose.as_bytes()))
    }

    /// Reads an id.
    ///
    /// # Errors
    /// When the text is not a UUID.
    pub fn parse(field: &str, text: &str) -> Result<Self, Violation> {
        let id = Uuid::try_parse(text).map(Self);
        id.map_err(|_| Violation::new(field, "NOTIFICATION_ID_INVALID", "must be a UUID"))
    }
}

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How far a notification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Durable, and waiting to be sent.
    Queued,
    /// Being sent.
    Sending,
    /// Handed over.
    Sent,
    /// The last try failed; the next one is due at a known time.
    Retrying,
    /// It will not be tried again.
    Failed,
}

/// What a try to send came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was handed over.
    Sent,
    /// It may succeed later.
    Transient(String),
    /// It never will.
    Permanent(String),
}

/// A message to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Which.
    pub id: NotificationId,
    /// To whom.
    pub user_id: Uuid,
    /// Their address.
    pub recipient: Recipient,
    /// What it says.
    pub content: Content,
    /// The subject line, as it was when the notification was taken on.
    pub subject: String,
    /// How far it is.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last try failed; empty if it did not.
    pub last_error: String,
    /// When it is to be tried (next); meaningless once it is sent or has failed.
    pub due: UnixMillis,
    /// When it was taken on.
    pub created: UnixMillis,
    /// When its state last changed.
    pub updated: UnixMillis,
}

impl Notification {
    /// A notification to be sent at once.
    #[must_use]
    pub fn new(
        id: NotificationId,
        user_id: Uuid,
        recipient: Recipient,
        content: Content,
        subject: String,
        now: UnixMillis,
    ) -> Self {
        let (state, attempts, last_error) = (State::Queued, 0, String::new());
        Self {
            id,
            user_id,
            recipient,
            content,
            subject,
            state,
            attempts,
            last_error,
            due: now,
            created: now,
            updated: now,
        }
    }

    /// Whether it waits to be sent.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Queued | State::Retrying)
    }

    /// The notification while it is being sent.
    #[must_use]
    pub fn sending(mut self, now: UnixMillis) -> Self {
        self.state = State::Sending;
        self.updated = now.max(self.updated);
        self
    }

    /// The notification after a try.
    #[must_use]
    pub fn tried(mut self, verdict: Verdict, now: UnixMillis) -> Self {
        self.attempts += 1;
        self.updated = now.max(self.updated);
        (self.state, self.last_error) = match verdict {
            Verdict::Sent => (State::Sent, String::new()),
            Verdict::Permanent(error) => (State::Failed, error),
            Verdict::Transient(error) if self.attempts >= MAX_ATTEMPTS => (State::Failed, error),
            Verdict::Transient(error) => (State::Retrying, error),
        };
        if self.state == State::Retrying {
            let rung = usize::try_from(self.attempts).unwrap_or(usize::MAX).min(LADDER.len()) - 1;
            self.due = now.after(LADDER[rung]);
        }
        self
    }

    /// The template it is written from; empty if it was given as text.
    #[must_use]
    pub fn template(&self) -> &str {
        match &self.content {
            Content::Template { name, .. } => name,
            Content::Text(_) => "",
        }
    }

    /// The Message-ID it carries on every try, so that a receiver can tell a repeat.
    #[must_use]
    pub fn message_id(&self, domain: &str) -> String {
        format!("<{}@{domain}>", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued() -> Notification {
        let content = Content::Text(super::super::Text::restore("s".to_owned(), "b".to_owned()));
        let recipient = Recipient::restore("a@b.de".to_owned());
        Notification::new(
            NotificationId::random(),
            Uuid::nil(),
            recipient,
            content,
            "s".to_owned(),
            UnixMillis(1_000),
        )
    }

    #[test]
    fn failures_climb_the_ladder_and_end_after_eight() {
        let mut notification = queued();
        let mut waits = Vec::new();
        for _ in 0..MAX_ATTEMPTS {
            let now = notification.due;
            notification = notification.tried(Verdict::Transient("busy".to_owned()), now);
            waits.push((notification.due.0 - now.0) / 1_000);
        }
        assert_eq!(waits[..7], [5, 60, 600, 3_600, 3_600, 3_600, 3_600]);
        assert_eq!((notification.state, notification.attempts), (State::Failed, MAX_ATTEMPTS));
    }

    #[test]
    fn a_permanent_failure_ends_it_and_success_clears_the_error() {
        let failed = queued().tried(Verdict::Permanent("no such mailbox".to_owned()), UnixMillis(2_000));
        assert_eq!((failed.state, failed.last_error.as_str()), (State::Failed, "no such mailbox"));
        let retried = queued().tried(Verdict::Transient("busy".to_owned()), UnixMillis(2_000));
        let sent = retried.tried(Verdict::Sent, UnixMillis(3_000));
        assert_eq!((sent.state, sent.last_error.as_str(), sent.attempts), (State::Sent, "", 2));
    }

    #[test]
    fn one_event_makes_one_notification_per_purpose() {
        let event = Uuid::from_u128(7);
        assert_eq!(NotificationId::of_event(event, "welcome"), NotificationId::of_event(event, "welcome"));
        assert_ne!(NotificationId::of_event(event, "welcome"), NotificationId::of_event(event, "farewell"));
    }
}
