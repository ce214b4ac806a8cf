//! The innermost service: an endpoint for each call, and the call on its connection.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{
    Request, Response,
    uri::{Authority, Scheme, Uri},
};
use tonic::{Status, body::Body};
use tower_service::Service;

use super::{endpoints::Endpoints, received::Received};
use crate::{
    deadline,
    error::MeshError,
    grpc_timeout::{self, GRPC_TIMEOUT},
};

/// Sends calls to the endpoints that have a connection, in turn.
#[derive(Clone)]
pub(super) struct Balance {
    endpoints: Arc<Endpoints>,
}

impl Balance {
    pub(super) fn new(endpoints: Arc<Endpoints>) -> Self {
        Self { endpoints }
    }
}

impl Service<Request<Body>> for Balance {
    type Response = Response<Received>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // Waiting for a connection belongs to the call, under its deadline.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(send(Arc::clone(&self.endpoints), request))
    }
}

/// Sends a call. One that its connection gave back unsent, because the server said GOAWAY in that moment, never
/// left this process: it goes to the next connection, however unsafe it would be to repeat (gRFC A6,
/// "transparent retries"). Each turn of the loop is a connection that was lost, so its length is bounded by the
/// backoff of connections, and by the deadline.
async fn send(endpoints: Arc<Endpoints>, mut request: Request<Body>) -> Result<Response<Received>, Status> {
    loop {
        let mut picked = endpoints.ready().await?;
        direct(&mut request, picked.place.endpoint().authority.clone());
        if let Some(deadline) = deadline::current() {
            // Only now: what was spent on waiting for a connection is not there for the server.
            request.headers_mut().insert(GRPC_TIMEOUT, grpc_timeout::encode(deadline.remaining()));
        }
        match picked.sender.try_send_request(request).await {
            Ok(response) => {
                picked.place.endpoint().answered();
                return Ok(Received::response(response, picked.place));
            }
            Err(mut error) => match error.take_message() {
                Some(unsent) => request = unsent,
                None => {
                    let authority = &picked.place.endpoint().authority;
                    return Err(MeshError::of_connection(authority, &error.into_error()).into());
                }
            },
        }
    }
}

/// Points a request at an endpoint. Its parts are shared text, and nothing is parsed.
fn direct(request: &mut Request<Body>, authority: Authority) {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    // gRPC always has a path; what has none goes to the root, where no service is.
    parts.path_and_query.get_or_insert_with(|| http::uri::PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(parts).expect("scheme, authority and path make a URI");
}
