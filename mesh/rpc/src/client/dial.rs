//! Opening connections, whatever the network is.

use std::{future::Future, io, net::SocketAddr, pin::Pin};

use futures_util::future::BoxFuture;
use mesh_telemetry::chain;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::task::TaskTracker;

use super::{ChannelConfig, pool::INITIAL_STREAMS};
use crate::{
    network::Connector,
    wire::{ClientConnection, ClientSettings, ConnectionError, KeepaliveSettings, SendRequest},
};

/// A connection that is ready for calls.
pub(super) struct Opened {
    pub(super) sender: SendRequest,
    /// Carries calls from the sender to the wire. Over when the connection takes no more calls, because it was
    /// lost, the server said GOAWAY, or all senders are gone.
    pub(super) driver: Driver,
}

pub(super) type Driver = Pin<Box<dyn Drive>>;

/// A connection without the type of its network.
pub(super) trait Drive: Future<Output = Result<(), ConnectionError>> + Send {
    /// How many streams the peer allows (`SETTINGS_MAX_CONCURRENT_STREAMS`), as far as it is known.
    fn max_send_streams(&self) -> usize;
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send> Drive for ClientConnection<Io> {
    fn max_send_streams(&self) -> usize {
        Self::max_send_streams(self)
    }
}

/// A [`Connector`] without its type: above it nothing is generic, below it nothing is boxed that a call uses.
pub(super) trait Dial: Send + Sync {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;

    /// Opens a connection, or says in words why not.
    fn open<'a>(
        &'a self,
        address: SocketAddr,
        settings: &'a ClientSettings,
    ) -> BoxFuture<'a, Result<Opened, String>>;
}

impl<C: Connector> Dial for C {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(Connector::resolve(self, host, port))
    }

    fn open<'a>(
        &'a self,
        address: SocketAddr,
        settings: &'a ClientSettings,
    ) -> BoxFuture<'a, Result<Opened, String>> {
        Box::pin(async move {
            let io = self.connect(address).await.map_err(|error| chain(&error).to_string())?;
            let (sender, connection) =
                settings.handshake(io).await.map_err(|error| chain(&error).to_string())?;
            Ok(Opened { sender, driver: Box::pin(connection) })
        })
    }
}

/// How HTTP/2 is spoken on every connection of a channel.
pub(super) fn settings(config: &ChannelConfig, tasks: &TaskTracker) -> ClientSettings {
    ClientSettings {
        keepalive: KeepaliveSettings {
            interval: config.keepalive_interval,
            timeout: config.keepalive_timeout,
        },
        max_header_list_size: config.max_header_list_size,
        initial_max_send_streams: INITIAL_STREAMS,
        tasks: tasks.clone(),
    }
}
