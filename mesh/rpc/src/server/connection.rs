//! One connection, until it has nothing more to say.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::server::conn::http2::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use mesh_telemetry::chain;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::OwnedSemaphorePermit,
};
use tonic::Status;
use tower_service::Service;

use super::{
    ServerConfig,
    accept::Placed,
    calls::Calls,
    drain::Drain,
    entry::{Entry, RequestBody},
    preface::Preface,
};

/// How HTTP/2 is spoken on every connection of a server.
pub(super) fn settings(config: &ServerConfig, drain: &Arc<Drain>) -> Builder<Calls> {
    let mut settings = Builder::new(Calls(Arc::clone(drain)));
    settings
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.max_concurrent_streams)
        .max_header_list_size(config.max_header_list_size)
        .keep_alive_interval(config.keepalive_interval)
        .keep_alive_timeout(config.keepalive_timeout)
        // No client of gRPC reads it.
        .auto_date_header(false);
    settings
}

/// A connection that a server has accepted.
pub(super) struct Connection<Io, S> {
    io: Io,
    place: OwnedSemaphorePermit,
    settings: Builder<Calls>,
    stack: S,
    drain: Arc<Drain>,
    handshake_timeout: Duration,
}

impl<Io, S, R> Connection<Io, S>
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<RequestBody>, Response = Response<R>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    R: Body<Data = Bytes, Error = Status> + Send + 'static,
{
    pub(super) fn new(
        accepted: Placed<Io>,
        settings: &Builder<Calls>,
        stack: S,
        drain: &Arc<Drain>,
        config: &ServerConfig,
    ) -> Self {
        Self {
            io: accepted.io,
            place: accepted.place,
            settings: settings.clone(),
            stack,
            drain: Arc::clone(drain),
            handshake_timeout: config.handshake_timeout,
        }
    }

    /// Serves the connection to its end; once the server drains, says GOAWAY and finishes what is under way.
    pub(super) async fn run(self) {
        let going_away = self.drain.going_away.clone();
        let io = TokioIo::new(Preface::new(self.io, self.handshake_timeout, going_away));
        let mut connection = pin!(self.settings.serve_connection(io, Entry(self.stack)));
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = self.drain.going_away.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            // Peers come and go as they like; what it meant for a call, its own line tells.
            tracing::debug!(error = %chain(&error), "a connection broke");
        }
        drop(self.place);
    }
}
