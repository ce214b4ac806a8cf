//! `provider.v1.WebhookService`, as the provider calls it.

use async_trait::async_trait;
use proto::provider::v1::{NotifyRequest, NotifyResponse, webhook_service_server::WebhookService};
use tonic::{Request, Response, Status};

use crate::app::Webhooks;

/// The webhook as gRPC sees it.
#[derive(Clone, Debug)]
pub struct WebhookApi(Webhooks);

impl WebhookApi {
    /// An API of this use case.
    #[must_use]
    pub fn new(webhooks: Webhooks) -> Self {
        Self(webhooks)
    }
}

#[async_trait]
impl WebhookService for WebhookApi {
    async fn notify(&self, request: Request<NotifyRequest>) -> Result<Response<NotifyResponse>, Status> {
        self.0.hear(&request.into_inner().key).await?;
        Ok(Response::new(NotifyResponse {}))
    }
}
