//! What this service asks of others.

use mesh_rpc::Channel;
use proto::user::v1::{GetUserRequest, get_user_request::Key, user_service_client::UserServiceClient};
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt as _};
use uuid::Uuid;

use crate::domain::Recipient;

/// The domain and the reason by which the user service says that somebody is not there (any more).
const USER_NOT_FOUND: (&str, &str) = ("user.v1", "USER_NOT_FOUND");

/// Asks the user service who somebody is.
#[derive(Clone, Debug)]
pub struct Users {
    client: UserServiceClient<Channel>,
}

/// Why it is not known where somebody can be written to.
#[derive(Debug, Error)]
pub enum UsersError {
    /// The user service gave no answer; it may give one later.
    #[error("the user service cannot be asked now: {0:?}")]
    Unavailable(Code),
    /// What it answered names nobody who could be written to.
    #[error("the user service's answer has no mail address: {0}")]
    Unusable(&'static str),
}

impl Users {
    /// Asks through `channel`, which leads to the user service.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { client: UserServiceClient::new(channel) }
    }

    /// The mail address of a user; `None` if there is no such user (any more).
    ///
    /// # Errors
    /// [`UsersError`].
    pub async fn recipient(&self, user: Uuid) -> Result<Option<Recipient>, UsersError> {
        let request = GetUserRequest { key: Some(Key::UserId(user.to_string())), ..Default::default() };
        // A client is cheap to clone, and calling takes it by exclusive reference.
        let answer = match self.client.clone().get_user(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) if is_nobody(&status) => return Ok(None),
            // Not its message: it may name the person.
            Err(status) => return Err(UsersError::Unavailable(status.code())),
        };
        let found = answer.user.ok_or(UsersError::Unusable("it names no user"))?;
        let recipient = Recipient::parse("email", &found.email);
        recipient.map(Some).map_err(|_| UsersError::Unusable("the address cannot be written to"))
    }
}

/// Whether the user service says that there is no such user. The code alone could also come from a proxy or a
/// wrong address in between, and a receipt must not be dropped for that.
fn is_nobody(status: &Status) -> bool {
    let says = |info: ErrorInfo| (info.domain.as_str(), info.reason.as_str()) == USER_NOT_FOUND;
    status.code() == Code::NotFound && status.get_details_error_info().is_some_and(says)
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn only_the_user_service_can_say_that_there_is_nobody() {
        let because = |domain: &str, reason: &str| {
            let details = ErrorDetails::with_error_info(reason, domain, std::collections::HashMap::new());
            Status::with_error_details(Code::NotFound, "gone", details)
        };
        assert!(is_nobody(&because("user.v1", "USER_NOT_FOUND")));
        assert!(!is_nobody(&because("user.v1", "ROUTE_NOT_FOUND")));
        assert!(!is_nobody(&because("proxy.example.org", "USER_NOT_FOUND")));
        assert!(!is_nobody(&Status::not_found("no such page")));
        assert!(!is_nobody(&Status::unavailable("later")));
    }
}
