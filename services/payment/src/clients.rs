//! Whom the service calls: the user service. The provider has a room of its own, [`crate::provider`].

use mesh_rpc::Channel;
use proto::user::v1::{GetUserRequest, get_user_request::Key, user_service_client::UserServiceClient};
use thiserror::Error;
use tonic::{Code, Status};

use crate::domain::UserId;

/// Asks the user service.
#[derive(Clone, Debug)]
pub struct Users {
    client: UserServiceClient<Channel>,
}

/// The user service did not say whether there is such a user.
#[derive(Debug, Error)]
#[error("the user service did not answer")]
pub struct NoAnswer(#[source] pub Status);

impl Users {
    /// Asks through `channel`, which leads to the user service.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { client: UserServiceClient::new(channel) }
    }

    /// Whether there is such a user, as of now. It takes what is left of the caller's deadline, at most.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn exists(&self, user: UserId) -> Result<bool, NoAnswer> {
        let request = GetUserRequest { key: Some(Key::UserId(user.to_string())) };
        match self.client.clone().get_user(request).await {
            Ok(_) => Ok(true),
            Err(status) if status.code() == Code::NotFound => Ok(false),
            Err(status) => Err(NoAnswer(status)),
        }
    }
}
