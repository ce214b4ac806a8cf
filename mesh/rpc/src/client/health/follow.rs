//! One watch on one endpoint.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::{Code, body::Body};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tower_service::Service;

use super::Vital;
use crate::{
    client::{balance::direct, endpoint::Endpoint, outgoing::Outgoing, pool::Connection},
    wire::Incoming,
};

/// Watches an endpoint as long as it is connected. `over` ends it when nobody wants to know any more, so that it
/// keeps no connection open.
pub(in crate::client) async fn follow(endpoint: Arc<Endpoint>, service: String, over: CancellationToken) {
    tokio::select! {
        biased;
        () = over.cancelled() => {}
        () = watch(&endpoint, &service) => {}
    }
}

async fn watch(endpoint: &Arc<Endpoint>, service: &str) {
    let mut failures = 0;
    // A stream that the pool has not: the watch takes none from the calls.
    while let Some(connection) = endpoint.any_connection() {
        let (code, heard) = one_stream(endpoint, connection, service).await;
        if code == Code::Unimplemented {
            tracing::warn!(endpoint = %endpoint.address, "the server does not tell its health: taken for healthy");
            return endpoint.is_said_to_be(Vital::Serving);
        }
        tracing::debug!(endpoint = %endpoint.address, ?code, "the watch of its health is over");
        endpoint.is_said_to_be(Vital::NotServing);
        // gRFC A17: at once if it has said anything, else after a wait that grows.
        failures = if heard { 0 } else { failures + 1 };
        if failures > 0 {
            sleep(endpoint.wires.backoff.after(failures)).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}

/// How the stream ended, and whether it said anything before.
async fn one_stream(endpoint: &Arc<Endpoint>, connection: Arc<Connection>, service: &str) -> (Code, bool) {
    let mut client = HealthClient::new(Direct { endpoint: Arc::clone(endpoint), connection });
    let mut statuses = match client.watch(HealthCheckRequest { service: service.to_owned() }).await {
        Ok(response) => response.into_inner(),
        Err(status) => return (status.code(), false),
    };
    let mut heard = false;
    loop {
        match statuses.message().await {
            Ok(Some(message)) => {
                heard = true;
                let serves = message.status() == ServingStatus::Serving;
                endpoint.is_said_to_be(if serves { Vital::Serving } else { Vital::NotServing });
            }
            Ok(None) => return (Code::Ok, heard),
            Err(status) => return (status.code(), heard),
        }
    }
}

/// Calls on one connection, past everything that is decided for calls.
struct Direct {
    endpoint: Arc<Endpoint>,
    connection: Arc<Connection>,
}

impl Service<Request<Body>> for Direct {
    type Response = Response<Incoming>;
    type Error = h2::Error;
    type Future = BoxFuture<'static, Result<Response<Incoming>, h2::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut request = request.map(Outgoing::streamed);
        direct(&mut request, self.endpoint.authority.clone());
        let sender = self.connection.sender();
        Box::pin(async move { sender.send(request).map_err(|unsent| unsent.error)?.await })
    }
}
