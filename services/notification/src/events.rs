//! What the notification service consumes. It publishes nothing yet.

use async_trait::async_trait;
use mesh_events::{Envelope, EventKind, HandleError, Handler, Subscription};
use proto::event::v1::UserCreated;
use uuid::Uuid;

use crate::{app::Notifications, domain::Recipient};

/// The queue of the consumer that welcomes new users.
pub const WELCOME_QUEUE: &str = "notification.welcome";

/// What this service wants to be told: new users, whom it sends a welcome mail.
#[must_use]
pub fn subscription() -> Subscription {
    Subscription::new(WELCOME_QUEUE, [EventKind::from_static("user.created")])
}

/// Takes on the welcome mail of every new user.
#[derive(Debug)]
pub struct WelcomeUser {
    notifications: Notifications,
}

impl WelcomeUser {
    /// A handler that takes mails on through `notifications`.
    #[must_use]
    pub fn new(notifications: Notifications) -> Self {
        Self { notifications }
    }
}

/// What is wrong with a body, without a word of what it says: it may be about a person.
fn unreadable(error: &serde_json::Error) -> String {
    format!(
        "the body is no user.created: {:?} error at line {}, column {}",
        error.classify(),
        error.line(),
        error.column()
    )
}

#[async_trait]
impl Handler for WelcomeUser {
    async fn handle(&self, event: &Envelope) -> Result<(), HandleError> {
        let created: UserCreated = serde_json::from_slice(&event.body)
            .map_err(|error| HandleError::Permanent(unreadable(&error).into()))?;
        let user = Uuid::try_parse(&created.user_id)
            .map_err(|_| HandleError::Permanent("the user_id is no UUID".into()))?;
        let recipient = Recipient::parse("email", &created.email)
            .map_err(|violation| HandleError::Permanent(violation.description.into()))?;
        let welcomed = self.notifications.welcome(event.id, user, recipient).await;
        welcomed.map_err(|error| HandleError::Transient(error.into()))
    }
}
