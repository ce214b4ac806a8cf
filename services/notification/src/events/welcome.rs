//! A mail for every new user.

use async_trait::async_trait;
use mesh_events::{Envelope, HandleError, Handler};
use proto::event::v1::UserCreated;

use super::body;
use crate::{app::Notifications, domain::Recipient};

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

#[async_trait]
impl Handler for WelcomeUser {
    async fn handle(&self, event: &Envelope) -> Result<(), HandleError> {
        let created: UserCreated = body::read(event)?;
        let user = body::id("user_id", &created.user_id)?;
        let recipient = Recipient::parse("email", &created.email)
            .map_err(|violation| HandleError::permanent(violation.description))?;
        self.notifications.welcome(event.id, user, recipient).await.map_err(HandleError::transient)
    }
}
