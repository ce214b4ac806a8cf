//! What a call allocates, client and server together, with and without repeats in its contract.

use std::{io, net::SocketAddr, time::Duration};

use echo::{
    BidiStreamRequest, BidiStreamResponse, ClientStreamRequest, ClientStreamResponse, ServerStreamRequest,
    ServerStreamResponse, UnaryRequest, UnaryResponse,
    echo_service_client::EchoServiceClient,
    echo_service_server::{EchoService, EchoServiceServer},
};
use mesh_policy::{Codes, Criticality, HedgePolicy, Idempotency, MethodPolicy, PolicyTable, RetryPolicy};
use mesh_rpc::{Channel, Connector, Listener, RepeatDecisions, Server, Target};
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status, Streaming};

const UNARY: MethodPolicy = MethodPolicy {
    path: "/echo.v1.EchoService/Unary",
    idempotency: Idempotency::NoSideEffects,
    deadline: Some(Duration::from_secs(20)),
    retry: None,
    hedge: None,
    criticality: Criticality::Default,
    rate_limit: None,
    key_rate_limit: None,
    hash_key: None,
    client_streaming: false,
    server_streaming: false,
};

static ONCE: PolicyTable = PolicyTable::new(&[UNARY]);

static RETRIED: PolicyTable = PolicyTable::new(&[MethodPolicy {
    retry: Some(RetryPolicy {
        max_attempts: 3,
        initial_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(1),
        backoff_multiplier: 2.0,
        retryable_codes: Codes::NONE.with(14),
    }),
    ..UNARY
}]);

static HEDGED: PolicyTable = PolicyTable::new(&[MethodPolicy {
    hedge: Some(HedgePolicy { max_attempts: 3, delay: Duration::from_secs(5) }),
    ..UNARY
}]);

struct Echo;

#[tonic::async_trait]
impl EchoService for Echo {
    async fn unary(&self, request: Request<UnaryRequest>) -> Result<Response<UnaryResponse>, Status> {
        Ok(Response::new(UnaryResponse { text: request.into_inner().text }))
    }

    type ServerStreamStream = tokio_stream::Empty<Result<ServerStreamResponse, Status>>;

    async fn server_stream(
        &self,
        _: Request<ServerStreamRequest>,
    ) -> Result<Response<Self::ServerStreamStream>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn client_stream(
        &self,
        _: Request<Streaming<ClientStreamRequest>>,
    ) -> Result<Response<ClientStreamResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    type BidiStreamStream = tokio_stream::Empty<Result<BidiStreamResponse, Status>>;

    async fn bidi_stream(
        &self,
        _: Request<Streaming<BidiStreamRequest>>,
    ) -> Result<Response<Self::BidiStreamStream>, Status> {
        Err(Status::unimplemented("not called"))
    }
}

struct Socket(mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for Socket {
    type Io = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, SocketAddr)> {
        match self.0.recv().await {
            Some(io) => Ok((io, ([10, 0, 0, 1], 1).into())),
            None => std::future::pending().await,
        }
    }
}

struct Plug(mpsc::UnboundedSender<DuplexStream>);

impl Connector for Plug {
    type Io = DuplexStream;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Err(io::ErrorKind::NotFound.into())
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<DuplexStream> {
        let (near, far) = duplex(64 * 1024);
        self.0.send(far).map_err(io::Error::other)?;
        Ok(near)
    }
}

const CALLS: u32 = 1_000;

/// The allocations of one call, on average, all on this thread.
fn per_call(policies: &'static PolicyTable) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _guard = runtime.enter();
    let (plug, socket) = mpsc::unbounded_channel();
    let server = Server::builder().service(EchoServiceServer::new(Echo)).build().unwrap();
    runtime.spawn(server.serve(Socket(socket), CancellationToken::new()));
    let channel = Channel::builder(Target::fixed([([10, 0, 0, 1], 1).into()])).connector(Plug(plug));
    let mut client = EchoServiceClient::new(channel.policies(policies).seed(1).build().unwrap());
    let mut call = |times| {
        runtime.block_on(async {
            for _ in 0..times {
                client.unary(UnaryRequest { text: "x".repeat(100) }).await.unwrap();
            }
        });
    };
    call(CALLS / 10);
    let counted = allocation_counter::measure(|| call(CALLS));
    counted.count_total as f64 / f64::from(CALLS)
}

#[test]
fn what_may_be_repeated_costs_no_allocation_more_while_it_is_not() {
    let once = per_call(&ONCE);
    for (name, policies) in [("retries", &RETRIED), ("hedges", &HEDGED)] {
        let more = per_call(policies) - once;
        // What grows now and then, such as the slots of timers, makes the fraction.
        assert!((-0.5..0.5).contains(&more), "{name}: {more} more than {once}");
    }
}

#[tokio::test]
async fn budget_throttle_latencies_and_counters_allocate_nothing() {
    for (policies, is_repeated) in [(&ONCE, false), (&RETRIED, true), (&HEDGED, true)] {
        let decisions = RepeatDecisions::of(*policies);
        let mut allowed = 0;
        let counted = allocation_counter::measure(|| {
            for _ in 0..1_000 {
                allowed += u32::from(decisions.decide(UNARY.path, Code::Unavailable).unwrap());
            }
        });
        assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
        // As many as the budget has, until too much has failed.
        assert_eq!(allowed > 0, is_repeated);
        assert!(allowed < 300, "{allowed}");
    }
}
