//! Where connections come from and go to. Everything else of this crate is the same on a real network, in a
//! test's memory and in a simulation.

use std::{future::Future, io, net::SocketAddr};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};

/// Accepts connections for a server.
pub trait Listener: Send + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection. Must be safe to cancel: a connection that was accepted is returned.
    ///
    /// # Errors
    /// Whatever the network says. The server waits a little after each error and tries again.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, SocketAddr)>> + Send;
}

impl Listener for TcpListener {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = Self::accept(self).await?;
        // An HTTP/2 frame is written whole: to wait for more would only add 40 ms. Fails on a dead socket
        // alone, and that the connection will notice by itself.
        let _ = stream.set_nodelay(true);
        Ok((stream, peer))
    }
}

/// A socket in the file system. Whoever calls is on this machine, and has no address: it is told as `0.0.0.0:0`.
#[cfg(unix)]
impl Listener for tokio::net::UnixListener {
    type Io = tokio::net::UnixStream;

    async fn accept(&mut self) -> io::Result<(Self::Io, SocketAddr)> {
        let (stream, _) = Self::accept(self).await?;
        Ok((stream, (std::net::Ipv4Addr::UNSPECIFIED, 0).into()))
    }
}

/// Finds and opens connections for a client.
pub trait Connector: Send + Sync + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// All addresses of a name, each of which is an endpoint.
    ///
    /// # Errors
    /// Whatever the resolver says.
    fn resolve(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Opens a connection.
    ///
    /// # Errors
    /// Whatever the network says.
    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

/// Plain TCP, and names as the operating system resolves them: by `getaddrinfo`, which says nothing of how long its
/// answer holds. A channel that is given no connector follows names by DNS itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Connector for Tcp {
    type Io = TcpStream;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}
