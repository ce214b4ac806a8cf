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
use pin_project_lite::pin_project;
use tokio::sync::{Notify, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Status, body::Body};
use tower_service::Service;

use super::{
    ChannelConfig, ChannelConfigError, Target,
    backoff::Backoff,
    dial::{Dial, settings},
    endpoint::Wires,
    endpoints::Endpoints,
    received::Received,
    stack::{Stack, stack},
};
use crate::{bounded::Bounded, network::Tcp};

static NO_POLICIES: PolicyTable = PolicyTable::new(&[]);

/// The connections to a target, shared by all clones. Every generated client takes one.
///
/// Cheap to clone: a clone for each call is fine. Nothing is connected before the first call. Connections that
/// are lost come back when calls want them; calls go to the endpoints that are there, in turn. While no endpoint
/// can be reached, calls fail at once with UNAVAILABLE; while all have `max_in_flight` calls, further ones wait.
///
/// When the last clone is dropped, calls under way finish and the connections close.
#[derive(Clone)]
pub struct Channel {
    stack: Stack,
    endpoints: Arc<Endpoints>,
    target: Arc<Target>,
}

impl Channel {
    /// Starts to describe a channel to `target`.
    pub fn builder(target: Target) -> ChannelBuilder {
        ChannelBuilder {
            target,
            policies: &NO_POLICIES,
            dial: Box::new(Tcp),
            config: ChannelConfig::default(),
            seed: None,
        }
    }

    /// Takes no more calls, on any clone, and waits until those under way are over. Bound it with a timeout.
    pub async fn close(self) {
        self.endpoints.close().await;
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
    seed: Option<u64>,
}

impl ChannelBuilder {
    /// What the contracts promise per method. Without it only the deadlines of callers hold.
    pub fn policies(mut self, policies: &'static PolicyTable) -> Self {
        self.policies = policies;
        self
    }

    /// Another network than TCP.
    pub fn connector(mut self, connector: impl crate::Connector) -> Self {
        self.dial = Box::new(connector);
        self
    }

    /// Other bounds than the default ones.
    pub fn config(mut self, config: ChannelConfig) -> Self {
        self.config = config;
        self
    }

    /// The seed of all that is random in the channel. Without it, another one every time.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Builds the channel. Needs no runtime yet: the first call does.
    ///
    /// # Errors
    /// When the configuration cannot work.
    pub fn build(self) -> Result<Channel, ChannelConfigError> {
        self.config.check()?;
        let tasks = TaskTracker::new();
        let wires = Wires {
            dial: self.dial,
            settings: settings(&self.config, &tasks),
            backoff: Backoff::new(&self.config, self.seed.unwrap_or_else(rand::random)),
            config: self.config,
            tasks,
            closed: CancellationToken::new(),
            changed: watch::Sender::new(()),
            trouble: Notify::new(),
        };
        let target = Arc::new(self.target.clone());
        let endpoints = Arc::new(Endpoints::new(self.target, Arc::new(wires)));
        Ok(Channel { stack: stack(Arc::clone(&endpoints), *self.policies), endpoints, target })
    }
}

impl fmt::Debug for ChannelBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelBuilder")
            .field("target", &self.target)
            .field("config", &self.config)
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

pin_project! {
    /// The body of the answer to a call. Ends with an error at the call's deadline.
    #[derive(Debug)]
    pub struct ResponseBody {
        #[pin]
        inner: Bounded<Received>,
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
