//! What is called: a unary method that answers with what it got, and what its contract promises.

use std::time::Duration;

use echo::{
    BidiStreamRequest, BidiStreamResponse, ClientStreamRequest, ClientStreamResponse, ServerStreamRequest,
    ServerStreamResponse, UnaryRequest, UnaryResponse, echo_service_server::EchoService,
};
use mesh_policy::{Codes, Criticality, Idempotency, MethodPolicy, PolicyTable, RateLimit, RetryPolicy};
use tokio_stream::Empty;
use tonic::{Request, Response, Status, Streaming};

const UNARY: MethodPolicy = MethodPolicy {
    path: "/echo.v1.EchoService/Unary",
    idempotency: Idempotency::NoSideEffects,
    deadline: Some(Duration::from_secs(2)),
    retry: Some(RetryPolicy {
        max_attempts: 3,
        initial_backoff: Duration::from_millis(10),
        max_backoff: Duration::from_millis(100),
        backoff_multiplier: 2.0,
        // UNAVAILABLE
        retryable_codes: Codes::NONE.with(14),
    }),
    hedge: None,
    criticality: Criticality::Default,
    rate_limit: Some(RateLimit { per_second: 10_000_000, burst: 1_000_000 }),
    key_rate_limit: None,
    hash_key: None,
    client_streaming: false,
    server_streaming: false,
};

/// Everything that a contract can switch on for a method that is retried.
pub(crate) static POLICIES: PolicyTable = PolicyTable::new(&[UNARY]);

/// The same, and a method that is critical.
pub(crate) static FAILURES: PolicyTable = PolicyTable::new(&[
    MethodPolicy { path: "/echo.v1.AbsentService/Absent", criticality: Criticality::Critical, ..UNARY },
    UNARY,
]);

/// Answers with what it got.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Echo;

#[tonic::async_trait]
impl EchoService for Echo {
    type ServerStreamStream = Empty<Result<ServerStreamResponse, Status>>;
    type BidiStreamStream = Empty<Result<BidiStreamResponse, Status>>;

    async fn unary(&self, request: Request<UnaryRequest>) -> Result<Response<UnaryResponse>, Status> {
        Ok(Response::new(UnaryResponse { text: request.into_inner().text }))
    }

    async fn server_stream(
        &self,
        _: Request<ServerStreamRequest>,
    ) -> Result<Response<Self::ServerStreamStream>, Status> {
        Err(Status::unimplemented("only unary calls are measured"))
    }

    async fn client_stream(
        &self,
        _: Request<Streaming<ClientStreamRequest>>,
    ) -> Result<Response<ClientStreamResponse>, Status> {
        Err(Status::unimplemented("only unary calls are measured"))
    }

    async fn bidi_stream(
        &self,
        _: Request<Streaming<BidiStreamRequest>>,
    ) -> Result<Response<Self::BidiStreamStream>, Status> {
        Err(Status::unimplemented("only unary calls are measured"))
    }
}
