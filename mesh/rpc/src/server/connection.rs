//! One connection, until it has nothing more to say.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use mesh_telemetry::chain;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::OwnedSemaphorePermit,
};
use tonic::Status;
use tower_service::Service;

use super::{
    ServerConfig, accept::Placed, calls::Calls, drain::Drain, entry::RequestBody, peer::Peer,
    preface::Preface,
};
use crate::bug::Bug;
use crate::wire::{GuardSettings, KeepaliveSettings, ServerConnection, ServerSettings};

/// How HTTP/2 is spoken on every connection of a server.
fn settings(config: &ServerConfig, jitter: f64) -> ServerSettings {
    ServerSettings {
        keepalive: KeepaliveSettings {
            interval: config.keepalive_interval,
            timeout: config.keepalive_timeout,
        },
        max_concurrent_streams: config.max_concurrent_streams,
        max_header_list_size: config.max_header_list_size,
        max_rapid_resets: config.max_rapid_resets,
        guard: GuardSettings {
            max_age: config.max_connection_age.map(|age| age.mul_f64(jitter)),
            max_age_grace: config.max_connection_age_grace,
            max_idle: config.max_connection_idle,
            frame_timeout: config.frame_timeout,
            min_ping_interval: config.min_ping_interval,
        },
    }
}

/// A connection that a server has accepted.
pub(super) struct Connection<Io, S> {
    io: Io,
    place: OwnedSemaphorePermit,
    peer: Peer,
    settings: ServerSettings,
    stack: S,
    drain: Arc<Drain>,
    handshake_timeout: Duration,
    stall_timeout: Duration,
}

impl<Io, S, R> Connection<Io, S>
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<RequestBody>, Response = Response<R>, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
    R: Body<Data = Bytes, Error = Status> + Send + 'static,
{
    /// `jitter`: by how much it becomes older than others.
    pub(super) fn new(
        accepted: Placed<Io>,
        stack: S,
        drain: &Arc<Drain>,
        config: &ServerConfig,
        jitter: f64,
    ) -> Self {
        Self {
            io: accepted.io,
            place: accepted.place,
            peer: accepted.peer,
            settings: settings(config, jitter),
            stack,
            drain: Arc::clone(drain),
            handshake_timeout: config.handshake_timeout,
            stall_timeout: config.stall_timeout,
        }
    }

    /// Serves the connection to its end; once the server drains, says GOAWAY and finishes what is under way.
    pub(super) async fn run(self) {
        let going_away = self.drain.going_away.clone();
        let io = Preface::new(self.io, self.handshake_timeout, going_away);
        let calls = Calls::new(self.stack, Arc::clone(&self.drain), self.stall_timeout, self.peer);
        let mut connection = ServerConnection::new(io, self.settings, self.drain.tasks.clone(), calls);
        let result = tokio::select! {
            biased;
            result = &mut connection => result,
            () = self.drain.going_away.cancelled() => {
                if !Bug::DrainWithoutGoaway.is_here() {
                    connection.graceful_shutdown();
                }
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
