//! `user.v1.SessionService`.

use async_trait::async_trait;
use proto::user::v1::{
    CreateSessionRequest, CreateSessionResponse, GetSessionRequest, GetSessionResponse, RevokeSessionRequest,
    RevokeSessionResponse, session_service_server::SessionService,
};
use service_kit::error::Violations;
use tonic::{Request, Response, Status};

use super::convert;
use crate::{
    app::Sessions,
    domain::{Attributes, UserId, ttl},
    error::Error,
};

/// The service as gRPC sees it.
#[derive(Clone, Debug)]
pub struct SessionApi(Sessions);

impl SessionApi {
    /// An API of these use cases.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        Self(sessions)
    }
}

#[async_trait]
impl SessionService for SessionApi {
    async fn create_session(
        &self,
        request: Request<CreateSessionRequest>,
    ) -> Result<Response<CreateSessionResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let id = violations.keep(UserId::parse("user_id", &message.user_id));
        let attributes = violations.keep_all(Attributes::parse("attributes", message.attributes));
        let ttl = violations.keep(convert::duration("ttl", message.ttl).and_then(|asked| ttl("ttl", asked)));
        let (id, attributes, ttl) =
            violations.finish(|| Some((id?, attributes?, ttl?))).map_err(Error::Invalid)?;
        let (session, token) = self.0.open(id, attributes, ttl).await?;
        Ok(Response::new(CreateSessionResponse {
            session: Some(convert::session(&session)),
            token: token.reveal(),
        }))
    }

    async fn get_session(
        &self,
        request: Request<GetSessionRequest>,
    ) -> Result<Response<GetSessionResponse>, Status> {
        let session = self.0.get(&request.into_inner().token).await?;
        Ok(Response::new(GetSessionResponse { session: Some(convert::session(&session)) }))
    }

    async fn revoke_session(
        &self,
        request: Request<RevokeSessionRequest>,
    ) -> Result<Response<RevokeSessionResponse>, Status> {
        self.0.revoke(&request.into_inner().token).await?;
        Ok(Response::new(RevokeSessionResponse {}))
    }
}
