//! A mail to whoever pays, for what became of a payment.

use async_trait::async_trait;
use mesh_events::{Envelope, HandleError, Handler};

use super::receipt;
use crate::{
    app::Notifications,
    clients::{Users, UsersError},
};

/// Takes on the receipts of payments.
#[derive(Debug)]
pub struct SendReceipts {
    notifications: Notifications,
    users: Users,
}

impl SendReceipts {
    /// A handler that takes mails on through `notifications`, to where `users` says.
    #[must_use]
    pub fn new(notifications: Notifications, users: Users) -> Self {
        Self { notifications, users }
    }
}

#[async_trait]
impl Handler for SendReceipts {
    async fn handle(&self, event: &Envelope) -> Result<(), HandleError> {
        let Some(receipt) = receipt::of(event)? else {
            tracing::debug!("{} {} needs no receipt", event.kind, event.id);
            return Ok(());
        };
        // Asked each time: an address belongs to the user service, which deletes it with its owner.
        let recipient = self.users.recipient(receipt.user).await.map_err(|error| match error {
            UsersError::Unavailable(_) => HandleError::transient(error),
            UsersError::Unusable(_) => HandleError::permanent(error),
        })?;
        let Some(recipient) = recipient else {
            tracing::debug!("{} {} concerns a user who is gone; nobody is told", event.kind, event.id);
            return Ok(());
        };
        self.notifications.receipt(event.id, receipt, recipient).await.map_err(HandleError::transient)
    }
}
