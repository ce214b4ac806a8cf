//! What every call passes through on its way to a handler, from top to bottom.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use mesh_policy::PolicyTable;
use tonic::Status;
use tower::ServiceBuilder;
use tower_service::Service;

use super::{
    ServerConfig,
    catch_panic::CatchPanicLayer,
    deadline::DeadlineLayer,
    drain::Drain,
    end_streams::EndStreamsLayer,
    entry::RequestBody,
    instruments::Instruments,
    messages::MessagesLayer,
    rate_limit::{KeyRateLimitLayer, Limits, RateLimitLayer},
    relay_pushback::RelayPushbackLayer,
    router::{Router, Routes},
    shed::{Limiter, LoadShedLayer},
    telemetry::TelemetryLayer,
};

/// The server stack, a line a layer.
pub(super) fn stack(
    routes: Arc<Routes>,
    policies: PolicyTable,
    instruments: Arc<Instruments>,
    drain: Arc<Drain>,
    limiter: Arc<Limiter>,
    limits: Arc<Limits>,
    config: &ServerConfig,
) -> impl Service<
    Request<RequestBody>,
    Response = Response<impl Body<Data = Bytes, Error = Status> + Send + 'static>,
    Error = Infallible,
    Future: Send + 'static,
> + Clone
+ Send
+ 'static {
    ServiceBuilder::new()
        // Outermost, so that it tells the status and the time that the caller sees, whoever decided them.
        .layer(TelemetryLayer::new(instruments, Arc::clone(&drain)))
        // Around everything that can have a bug, and inside telemetry, which must tell of it.
        .layer(CatchPanicLayer)
        // Before anything is done for the call, so that what is too much costs nearly nothing.
        .layer(LoadShedLayer::new(policies, limiter))
        // After load shedding: a call that is not worked on takes nothing from its caller's bucket.
        .layer(RateLimitLayer::new(Arc::clone(&limits)))
        // Around the handler and all it awaits: nothing below may go on once the deadline has passed.
        .layer(DeadlineLayer::new(policies))
        // Inside the deadline, which bounds the wait for a message where there is one; around all that reads messages.
        .layer(MessagesLayer::new(config, policies))
        // Where messages are whole and plain, before any is decoded.
        .layer(KeyRateLimitLayer::new(limits))
        // Inside the deadline, to know which streams have none and must be ended by a drain.
        .layer(EndStreamsLayer::new(drain))
        // Around the handler alone: what the calls it makes are told becomes part of its answer.
        .layer(RelayPushbackLayer)
        .service(Router::new(routes))
}
