//! What generated clients call through.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use mesh_policy::PolicyTable;
use mesh_telemetry::{Telemetry, metrics::Registered};
use pin_project_lite::pin_project;
use tokio::{sync::Notify, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Status, body::Body};
use tower_service::Service;

use super::{
    ChannelConfig, ChannelConfigError, Target,
    adaptive_throttle::Admission,
    backoff::Backoff,
    balance::{Epoch, Keeper, Queue, Random, Scale},
    dial::{Dial, settings},
    endpoints::Endpoints,
    ping_interval::PingInterval,
    retry::{AttemptCounts, RetryConfig, Shared},
    stack::{Stack, stack},
    system::System,
    telemetry::{Instruments, Load},
    wires::Wires,
};
use crate::{calls::Calls, hash::mix};

static NO_POLICIES: PolicyTable = PolicyTable::new(&[]);

/// The connections to a target, shared by all clones. Every generated client takes one.
///
/// Cheap to clone: a clone for each call is fine. Nothing is connected before the first call, unless its builder is told
/// to ([`ChannelBuilder::eager`]) or somebody waits for it ([`Channel::ready`]). Connections that are lost come back when
/// calls want them; each call goes to the less loaded of two endpoints that are there ([`ChannelConfig::balance`]), and
/// endpoints that answer badly are left alone for a while
/// ([`ChannelConfig::outlier`]). While no endpoint can be reached, calls fail at once with UNAVAILABLE; while all
/// have `max_in_flight` calls, further ones wait.
///
/// A call whose contract allows it is made again after a failure, or beside a slow attempt, as far as the budget of
/// the channel goes ([`RetryConfig`]). Every other call is seen by one server at most: it is sent again, once, only
/// when the server that it was sent to says that it has not looked at it; a stream, if no more than
/// [`RetryConfig::replay_bytes_max`] of it are sent by then.
///
/// When the last clone is dropped, calls under way finish and the connections close.
#[derive(Clone)]
pub struct Channel {
    stack: Stack,
    endpoints: Arc<Endpoints>,
    shared: Arc<Shared>,
    target: Arc<Target>,
    /// Read by telemetry, for as long as there is a channel.
    _load: Registered<Load>,
}

impl Channel {
    /// Starts to describe a channel to `target`.
    pub fn builder(target: Target) -> ChannelBuilder {
        ChannelBuilder {
            target,
            policies: &NO_POLICIES,
            dial: Box::new(System),
            config: ChannelConfig::default(),
            retry: RetryConfig::default(),
            seed: None,
            telemetry: Telemetry::of_process().clone(),
            eager: false,
        }
    }

    /// Connects, and waits until an endpoint can take a call, at most until the deadline in whose
    /// [scope](crate::deadline::scope) it is called. For programs that would rather not begin without the services
    /// they need:
    ///
    /// ```no_run
    /// # async fn start(channel: mesh_rpc::Channel) -> Result<(), tonic::Status> {
    /// use mesh_rpc::deadline::{Deadline, scope};
    /// let soon = Deadline::after(std::time::Duration::from_secs(10)).expect("it is within reach of the clock");
    /// scope(soon, channel.ready()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// DEADLINE_EXCEEDED, with what the last attempt met, when the deadline passes first; UNAVAILABLE when the
    /// channel is closed.
    pub async fn ready(&self) -> Result<(), Status> {
        self.endpoints.until_ready().await.map_err(Status::from)
    }

    /// Takes no more calls, on any clone, and waits until those under way are over. Bound it with a timeout.
    pub async fn close(self) {
        self.endpoints.close().await;
    }

    #[cfg(feature = "probe")]
    pub(super) fn endpoints(&self) -> Arc<Endpoints> {
        Arc::clone(&self.endpoints)
    }

    /// How often calls were attempted, for each method whose contract allows more than one attempt, by path.
    pub fn attempts(&self) -> impl Iterator<Item = (&'static str, AttemptCounts)> {
        self.shared.methods.repeated().map(|method| (method.policy.path, method.counters.read()))
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<ResponseBody>;
    type Error = Status;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.stack.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> ResponseFuture {
        ResponseFuture { inner: self.stack.call(request) }
    }
}

/// Collects what a channel needs; [`Channel::builder`] makes one.
#[must_use = "a builder does nothing before `build`"]
pub struct ChannelBuilder {
    target: Target,
    policies: &'static PolicyTable,
    dial: Box<dyn Dial>,
    config: ChannelConfig,
    retry: RetryConfig,
    seed: Option<u64>,
    telemetry: Telemetry,
    eager: bool,
}

impl ChannelBuilder {
    /// What the contracts promise per method. Without it only the deadlines of callers hold.
    pub fn policies(mut self, policies: &'static PolicyTable) -> Self {
        self.policies = policies;
        self
    }

    /// Another network than that of the operating system.
    pub fn connector(mut self, connector: impl crate::Connector) -> Self {
        self.dial = Box::new(connector);
        self
    }

    /// Other bounds than the default ones.
    pub fn config(mut self, config: ChannelConfig) -> Self {
        self.config = config;
        self
    }

    /// Other bounds of retries and hedges than the default ones.
    pub fn retry(mut self, retry: RetryConfig) -> Self {
        self.retry = retry;
        self
    }

    /// The seed of all that is random in the channel. Without it, another one every time.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Where the channel writes its numbers and spans, if not where the whole process does.
    pub fn telemetry(mut self, telemetry: &Telemetry) -> Self {
        self.telemetry = telemetry.clone();
        self
    }

    /// Connects when the channel is built, if that is within a runtime, rather than with the first call.
    pub fn eager(mut self) -> Self {
        self.eager = true;
        self
    }

    /// Builds the channel. Needs no runtime yet: the first call does.
    ///
    /// # Errors
    /// When the configuration cannot work.
    pub fn build(self) -> Result<Channel, ChannelConfigError> {
        self.config.check()?;
        self.retry.check().map_err(ChannelConfigError)?;
        let seed = self.seed.unwrap_or_else(rand::random);
        let admission = Admission::new(&self.config.adaptive_throttle, seed);
        let tasks = TaskTracker::new();
        let instruments = Instruments::new(self.telemetry, &self.target, self.policies);
        let compression = self.config.compression;
        let wires = Arc::new(Wires {
            dial: self.dial,
            settings: settings(&self.config, &tasks),
            ping_interval: PingInterval::new(self.config.keepalive_interval),
            backoff: Backoff::new(&self.config, seed),
            random: Random::new(seed),
            // Another sequence than that one.
            draws: mix(seed),
            queue: Queue::new(self.config.max_queued),
            calls: Calls::default(),
            epoch: Epoch::new(Instant::now()),
            scale: Scale::new(&self.config.balance),
            config: self.config,
            tasks,
            closed: CancellationToken::new(),
            keeper: Keeper::default(),
            trouble: Notify::new(),
            metrics: instruments.metrics.clone(),
        });
        let target = Arc::new(self.target.clone());
        let name = Arc::from(self.target.to_string());
        let endpoints = Arc::new(Endpoints::new(self.target, Arc::clone(&wires)));
        if self.eager && tokio::runtime::Handle::try_current().is_ok() {
            endpoints.connect();
        }
        let shared = Shared::new(&self.retry, *self.policies, compression, admission, seed, instruments);
        let shared = Arc::new(shared);
        let stack = stack(Arc::clone(&endpoints), Arc::clone(&shared), name);
        let _load = Load { wires, shared: Arc::clone(&shared) }.read();
        Ok(Channel { stack, endpoints, shared, target, _load })
    }
}

impl fmt::Debug for ChannelBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelBuilder")
            .field("target", &self.target)
            .field("config", &self.config)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The head of the answer to a call.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture {
        #[pin]
        inner: <Stack as Service<Request<Body>>>::Future,
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<ResponseBody>, Status>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(self.project().inner.poll(cx))?;
        Poll::Ready(Ok(response.map(|inner| ResponseBody { inner })))
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// What answers are made of: see `stack`.
type AnswerBody = <<Stack as Service<Request<Body>>>::Response as Answered>::Body;

trait Answered {
    type Body;
}

impl<B> Answered for Response<B> {
    type Body = B;
}

pin_project! {
    /// The body of the answer to a call. Ends with an error at the call's deadline.
    #[derive(Debug)]
    pub struct ResponseBody {
        #[pin]
        inner: AnswerBody,
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
