//! Whom the service calls: the user service. The provider has a room of its own, [`crate::provider`].

use mesh_rpc::Channel;
use proto::user::v1::{GetUserRequest, get_user_request::Key, user_service_client::UserServiceClient};
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::domain::UserId;

/// The domain and the reason by which the user service says that somebody is not there (any more).
const USER_NOT_FOUND: (&str, &str) = ("user.v1", "USER_NOT_FOUND");

/// Asks the user service.
#[derive(Clone, Debug)]
pub struct Users {
    client: UserServiceClient<Channel>,
}

/// The user service did not say whether there is such a user. What it said instead is not told: it may name the
/// person.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the user service did not answer: {0:?}")]
pub struct NoAnswer(pub Code);

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
        let request = GetUserRequest { key: Some(Key::UserId(user.to_string())), ..Default::default() };
        match self.client.clone().get_user(request).await {
            Ok(_) => Ok(true),
            Err(status) if is_nobody(&status) => Ok(false),
            Err(status) => Err(NoAnswer(status.code())),
        }
    }
}

/// Whether the user service says that there is no such user. The code alone could also come from a proxy or a
/// wrong address in between, and nobody must be refused for that.
fn is_nobody(status: &Status) -> bool {
    let info = || status.get_details_error_info();
    let is_it = |info: tonic_types::ErrorInfo| (info.domain.as_str(), info.reason.as_str()) == USER_NOT_FOUND;
    status.code() == Code::NotFound && info().is_some_and(is_it)
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn only_the_user_service_can_say_that_there_is_nobody() {
        let says = |domain: &str, reason: &str| {
            let details = ErrorDetails::with_error_info(reason, domain, []);
            Status::with_error_details(Code::NotFound, "gone", details)
        };
        assert!(is_nobody(&says("user.v1", "USER_NOT_FOUND")));
        assert!(!is_nobody(&says("user.v1", "ROUTE_NOT_FOUND")));
        assert!(!is_nobody(&says("proxy.example", "USER_NOT_FOUND")));
        assert!(!is_nobody(&Status::not_found("no such page")));
        assert!(!is_nobody(&Status::unavailable("later")));
    }
}
