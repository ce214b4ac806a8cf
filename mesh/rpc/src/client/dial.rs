//! Finding endpoints and opening connections to them, whatever the network is.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
};

use futures_util::future::BoxFuture;
use mesh_telemetry::chain;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::task::TaskTracker;

use super::{
    ChannelConfig,
    address::Address,
    eyeballs,
    pool::INITIAL_STREAMS,
    resolve::{Answer, Unresolved},
    target::DnsName,
};
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

/// A network without its type: above it nothing is generic, below it nothing is boxed that a call uses. Every
/// [`Connector`] is one, and so is the [operating system](super::system::System).
pub(super) trait Dial: Send + Sync {
    /// The endpoints that a name stands for.
    fn resolve<'a>(&'a self, name: &'a DnsName) -> BoxFuture<'a, Result<Answer, Unresolved>>;

    /// Opens a connection, or says in words why not.
    fn open<'a>(
        &'a self,
        address: &'a Address,
        settings: &'a ClientSettings,
    ) -> BoxFuture<'a, Result<Opened, String>>;
}

impl<C: Connector> Dial for C {
    fn resolve<'a>(&'a self, name: &'a DnsName) -> BoxFuture<'a, Result<Answer, Unresolved>> {
        Box::pin(async move {
            let (Some(port), None) = (name.port, name.server) else { return Err(Unresolved::NoNameServers) };
            let addresses = Connector::resolve(self, bare(&name.host), port).await?;
            Ok(Answer { endpoints: addresses.into_iter().map(Address::Ip).collect(), ttl: None })
        })
    }

    fn open<'a>(
        &'a self,
        address: &'a Address,
        settings: &'a ClientSettings,
    ) -> BoxFuture<'a, Result<Opened, String>> {
        let connect = |address| self.connect(address);
        match address {
            Address::Ip(address) => Box::pin(open(connect(*address), settings)),
            Address::Several(addresses) => Box::pin(open_first(addresses, connect, settings)),
            Address::Unix(_) => Box::pin(async { Err("this network has no unix sockets".to_owned()) }),
        }
    }
}

/// Opens a connection to an endpoint of several addresses, whichever takes it first.
pub(super) async fn open_first<Io, F>(
    addresses: &[SocketAddr],
    connect: impl Fn(SocketAddr) -> F,
    settings: &ClientSettings,
) -> Result<Opened, String>
where
    F: Future<Output = io::Result<Io>>,
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    eyeballs::first(addresses, |address| open(connect(address), settings)).await
}

/// Begins HTTP/2 on what `connect` connects to.
pub(super) async fn open<Io>(
    connect: impl Future<Output = io::Result<Io>>,
    settings: &ClientSettings,
) -> Result<Opened, String>
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = connect.await.map_err(|error| chain(&error).to_string())?;
    let (sender, connection) = settings.handshake(io).await.map_err(|error| chain(&error).to_string())?;
    Ok(Opened { sender, driver: Box::pin(connection) })
}

/// An address that stands in place of a name: nobody need be asked for it.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    bare(host).parse().ok()
}

/// In a target, as in every authority, an IPv6 address stands in brackets; for a resolver it does not.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
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

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use tokio::{
        io::{DuplexStream, duplex},
        time::Instant,
    };

    use super::*;

    /// A network on which packets of IPv6 get lost.
    #[derive(Default)]
    struct OnlyIpv4(Mutex<Vec<DuplexStream>>);

    impl Connector for OnlyIpv4 {
        type Io = DuplexStream;

        async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
            Err(io::ErrorKind::NotFound.into())
        }

        async fn connect(&self, address: SocketAddr) -> io::Result<DuplexStream> {
            if address.is_ipv6() {
                std::future::pending::<()>().await;
            }
            let (near, far) = duplex(1_024);
            self.0.lock().unwrap().push(far);
            Ok(near)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_is_connected_to_by_the_family_that_works() {
        let both = ["10.0.0.1:1", "[fd00::1]:1"].map(|text| text.parse().unwrap());
        let host = Address::of_one_server(both.to_vec()).unwrap();
        let network: Box<dyn Dial> = Box::new(OnlyIpv4::default());
        let (begun, settings) = (Instant::now(), settings(&ChannelConfig::default(), &TaskTracker::new()));
        assert!(network.open(&host, &settings).await.is_ok());
        assert_eq!(begun.elapsed(), Duration::from_millis(250));
        let nowhere = Address::Unix(std::path::Path::new("/run/a.sock").into());
        let refused = network.open(&nowhere, &settings).await.err();
        assert_eq!(refused.as_deref(), Some("this network has no unix sockets"));
    }
}
