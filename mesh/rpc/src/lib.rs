//! The client stack and the server stack of the mesh, over HTTP/2.
//!
//! tonic gives the generated code, the codecs and [`tonic::Status`]; its transport is not used. A [`Server`]
//! runs generated services, a [`Channel`] is what every generated client calls through. Each has its stack of
//! layers written down in one function, a line a layer: `server/stack.rs` and `client/stack.rs`.
//!
//! What holds on both sides:
//! - one [deadline] per logical call, shrinking from hop to hop, over the head of an answer and its body;
//! - a call leaves this process more than once only if its contract says that it may, and "do not ask again"
//!   (`grpc-retry-pushback-ms: -1`) climbs from hop to hop;
//! - an error that the mesh makes says so: `ErrorInfo{domain: "mesh", reason}`, see [`MeshError`];
//! - time is tokio's, and [`Listener`], [`Connector`] and the seed of all randomness are given from outside:
//!   the same code runs on a simulated network.
//!
//! ```no_run
//! # use echo::{UnaryRequest, echo_service_client::EchoServiceClient};
//! # use echo::echo_service_server::{EchoService, EchoServiceServer};
//! # use mesh_rpc::{Channel, Server};
//! # use tokio::net::TcpListener;
//! # use tokio_util::sync::CancellationToken;
//! # static POLICIES: mesh_policy::PolicyTable = mesh_policy::PolicyTable::new(&[]);
//! async fn serve(service: impl EchoService) -> Result<(), Box<dyn std::error::Error>> {
//!     let server = Server::builder()
//!         .service(EchoServiceServer::new(service))
//!         .policies(&POLICIES)
//!         .descriptors(echo::DESCRIPTORS)
//!         .build()?;
//!     let (listener, shutdown) = (TcpListener::bind("127.0.0.1:50051").await?, CancellationToken::new());
//!     let drained = server.serve(listener, shutdown).await?;
//!     println!("{} calls finished, {} were cut", drained.finished, drained.cut);
//!     Ok(())
//! }
//!
//! async fn call() -> Result<(), Box<dyn std::error::Error>> {
//!     let channel = Channel::builder("dns:///echo.default.svc:50051".parse()?).policies(&POLICIES).build()?;
//!     let mut client = EchoServiceClient::new(channel);
//!     let answer = client.unary(UnaryRequest { text: "hello".into() }).await?;
//!     println!("{}", answer.into_inner().text);
//!     Ok(())
//! }
//! ```

mod atomic;
mod bounded;
mod bug;
mod calls;
mod client;
pub mod criticality;
pub mod deadline;
mod error;
mod grpc_timeout;
mod hash;
mod message;
mod message_key;
mod meter;
mod network;
#[cfg(feature = "probe")]
pub mod parsers;
mod pushback;
mod server;
pub mod trace;
mod wire;

#[cfg(feature = "seeded-bugs")]
pub use bug::Bug;
pub use client::{
    AdaptiveThrottleConfig, AttemptCounts, BalanceConfig, Balancing, BudgetConfig, Channel, ChannelBuilder,
    ChannelConfig, ChannelConfigError, ConsecutiveConfig, FailurePercentageConfig, HashKey, HealthConfig,
    HedgeConfig, OutlierConfig, PoolConfig, ResponseBody, ResponseFuture, RetryConfig,
    RollingSuccessRateConfig, SlowStartConfig, SuccessRateConfig, Target, TargetError, ThrottleConfig,
    WaitForReady, previous_attempts,
};
#[cfg(feature = "probe")]
pub use client::{Decisions, Picked, RepeatDecisions, ThrottleDecisions};
pub use error::{DOMAIN, MeshError, Side, Spent, Stage};
pub use message::{CompressionConfig, Encoding};
pub use network::{Connector, Listener, Tcp};
#[cfg(feature = "probe")]
pub use server::ServerDecisions;
pub use server::{
    BuildError, Drained, Health, Load, LoadShedConfig, RateLimitConfig, ServeError, Server, ServerBuilder,
    ServerConfig,
};
