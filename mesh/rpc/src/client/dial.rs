//! Opening connections, whatever the network is.

use std::{io, net::SocketAddr};

use futures_util::future::BoxFuture;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use mesh_telemetry::chain;
use tokio_util::task::TaskTracker;
use tonic::body::Body;

use super::ChannelConfig;
use crate::{executor::Tracked, network::Connector};

/// A connection that is ready for calls.
pub(super) struct Opened {
    pub(super) sender: SendRequest<Body>,
    /// Carries calls from the sender to the wire. Over when the connection takes no more calls, because it was
    /// lost, the server said GOAWAY, or all senders are gone.
    pub(super) driver: BoxFuture<'static, hyper::Result<()>>,
}

/// A [`Connector`] without its type: above it nothing is generic, below it nothing is boxed that a call uses.
pub(super) trait Dial: Send + Sync {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;

    /// Opens a connection, or says in words why not.
    fn open<'a>(
        &'a self,
        address: SocketAddr,
        settings: &'a Builder<Tracked>,
    ) -> BoxFuture<'a, Result<Opened, String>>;
}

impl<C: Connector> Dial for C {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(Connector::resolve(self, host, port))
    }

    fn open<'a>(
        &'a self,
        address: SocketAddr,
        settings: &'a Builder<Tracked>,
    ) -> BoxFuture<'a, Result<Opened, String>> {
        Box::pin(async move {
            let io = self.connect(address).await.map_err(|error| chain(&error).to_string())?;
            let (sender, connection) =
                settings.handshake(TokioIo::new(io)).await.map_err(|error| chain(&error).to_string())?;
            Ok(Opened { sender, driver: Box::pin(connection) })
        })
    }
}

/// How HTTP/2 is spoken on every connection of a channel.
pub(super) fn settings(config: &ChannelConfig, tasks: &TaskTracker) -> Builder<Tracked> {
    let mut settings = Builder::new(Tracked(tasks.clone()));
    settings
        .timer(TokioTimer::new())
        .keep_alive_interval(config.keepalive_interval)
        .keep_alive_timeout(config.keepalive_timeout)
        .keep_alive_while_idle(true)
        .max_header_list_size(config.max_header_list_size);
    settings
}
