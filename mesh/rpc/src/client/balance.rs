//! The innermost service: an endpoint for each call, and the call on its connection.
//!
//! A call meets, in this order: the bound on calls in flight ([`Calls`](crate::calls::Calls)), the snapshot of the
//! endpoints that are ready ([`Snapshot`]), the policy that chooses one of them ([`Picker`]) by its load ([`Load`]), its breaker
//! ([`outlier`](super::outlier)) and its connections ([`pool`](super::pool)). What it holds then is a [`Place`],
//! which tells all of them how the call went. None of that takes a lock, allocates, or hops to a task.

mod config;
#[cfg(test)]
pub(super) mod doubles;
mod gauges;
mod keeper;
mod load;
mod outcome;
mod picker;
mod place;
mod random;
mod ring;
mod slots;
mod slow_start;
mod snapshot;
mod ticks;
mod wish;

pub use config::{BalanceConfig, Balancing, SlowStartConfig};
pub use wish::{HashKey, WaitForReady};
pub(super) use {
    gauges::{Seat, Seats},
    keeper::Keeper,
    load::{Load, Scale},
    outcome::Outcome,
    picker::{Choice, Picker},
    place::Place,
    random::{Draws, Random},
    slots::{Queue, Slots, Ticket},
    slow_start::SlowStart,
    snapshot::{Absent, Members, Snapshot},
    ticks::Epoch,
    wish::Wish,
};

use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{
    Request, Response,
    uri::{Authority, Scheme, Uri},
};
use tonic::Status;
use tower_service::Service;

use super::{
    attempt::{self, Tried},
    endpoints::Endpoints,
    outgoing::{Head, Outgoing, Source},
    received::Received,
    trail,
};
use crate::{
    deadline,
    error::MeshError,
    grpc_timeout::{self, GRPC_TIMEOUT},
};

/// Sends each call to an endpoint that can take it.
#[derive(Clone)]
pub(super) struct Balance {
    endpoints: Arc<Endpoints>,
    /// How much of a stream is kept to be sent once more.
    replay_bytes_max: usize,
}

impl Balance {
    pub(super) fn new(endpoints: Arc<Endpoints>, replay_bytes_max: usize) -> Self {
        Self { endpoints, replay_bytes_max }
    }
}

impl Service<Request<Outgoing>> for Balance {
    type Response = Response<Received>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // Waiting for a connection belongs to the call, under its deadline.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Outgoing>) -> Self::Future {
        Box::pin(send(Arc::clone(&self.endpoints), request, self.replay_bytes_max))
    }
}

/// Sends a call. One that its connection gave back unsent, because the server said GOAWAY in that moment, never
/// left this process: it goes to the next connection, however unsafe it would be to repeat (gRFC A6,
/// "transparent retries"). Each turn of the loop is a connection that was lost, so its length is bounded by the
/// backoff of connections, and by the deadline. One that a server has certainly not seen (its last GOAWAY says so, or
/// it refused the stream) goes out once more; of a call that may be repeated the layer above sees to that.
///
/// No `async fn`: that would keep room for its arguments beside what they become.
fn send(
    endpoints: Arc<Endpoints>,
    mut request: Request<Outgoing>,
    replay_bytes_max: usize,
) -> impl Future<Output = Result<Response<Received>, Status>> {
    let mut wish = endpoints.wish_of(&request);
    let mut spare = Spare::of(&mut request, replay_bytes_max);
    async move {
        loop {
            let mut place = match endpoints.place_now(&wish) {
                Some(place) => place,
                // Boxed: nearly no call waits, and none should carry the room for it.
                None => Box::pin(endpoints.place_later(&wish)).await?,
            };
            attempt::picked(place.endpoint().key());
            trail::sent(place.endpoint().key(), place.since());
            direct(&mut request, place.endpoint().authority.clone());
            if let Some(deadline) = deadline::current() {
                // Only now: what was spent on waiting for a connection is not there for the server.
                let left = deadline.instant().saturating_duration_since(place.since());
                request.headers_mut().insert(GRPC_TIMEOUT, grpc_timeout::encode(left));
            }
            let sent = match place.sender().send(request) {
                Ok(sent) => sent,
                Err(unsent) => {
                    attempt::resent();
                    place.unsent();
                    request = unsent.request;
                    continue;
                }
            };
            let error = match sent.await {
                Ok(response) => {
                    place.answered();
                    if let Some(spare) = &spare {
                        spare.source.commit();
                    }
                    return Ok(Received::response(response, place)?);
                }
                Err(error) => MeshError::of_connection(&place.endpoint().authority, &error),
            };
            place.failed(&error);
            let unseen = error.is_unprocessed();
            let Some(again) = spare.take().filter(|spare| unseen && spare.source.stop()) else {
                return Err(error.into());
            };
            attempt::resent();
            request = again.elsewhere(place.endpoint().key());
            wish = endpoints.wish_of(&request);
        }
    }
}

/// What it takes to send a call once more that is not repeated.
struct Spare {
    head: Head,
    source: Source,
    /// Where the bytes of a stream are counted.
    counter: Option<Arc<AtomicU64>>,
}

impl Spare {
    /// Of a stream, up to `limit` bytes are kept.
    fn of(request: &mut Request<Outgoing>, limit: usize) -> Option<Box<Self>> {
        let source = request.body_mut().record(limit)?;
        Some(Box::new(Self { head: Head::of(request), source, counter: request.body().counter() }))
    }

    /// The same call, rather not to `refuser`.
    fn elsewhere(self, refuser: SocketAddr) -> Request<Outgoing> {
        let mut tried = Tried::default();
        tried.add(refuser);
        let body = self.source.body();
        // It is sent once more, and not twice.
        self.source.commit();
        let body = match self.counter {
            Some(counter) => body.measured(counter),
            None => body,
        };
        self.head.again(body, 0, tried)
    }
}

/// Points a request at an endpoint. Its parts are shared text, and nothing is parsed.
pub(super) fn direct(request: &mut Request<Outgoing>, authority: Authority) {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    // gRPC always has a path; what has none goes to the root, where no service is.
    parts.path_and_query.get_or_insert_with(|| http::uri::PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(parts).expect("scheme, authority and path make a URI");
}
