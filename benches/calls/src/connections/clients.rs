//! Clients with one connection each, from addresses of their own.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use echo::{UnaryRequest, echo_service_client::EchoServiceClient};
use mesh_rpc::{Channel, Connector, Target};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tonic::{Request, Status};

use crate::contract::POLICIES;

pub(super) type Client = EchoServiceClient<Channel>;

/// Connects from one address of this machine.
#[derive(Clone, Copy, Debug)]
struct Source(Ipv4Addr);

impl Connector for Source {
    type Io = TcpStream;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(lookup_host((host, port)).await?.collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.set_nodelay(true)?;
        socket.bind((self.0, 0).into())?;
        socket.connect(address).await
    }
}

/// The client with this number in this group: no two have one address (127.0.0.0/8 is this machine).
pub(super) fn client(server: SocketAddr, group: u8, number: u32) -> anyhow::Result<Client> {
    let [_, _, high, low] = number.to_be_bytes();
    let source = Source(Ipv4Addr::new(127, 1 + group, high, low));
    let channel = Channel::builder(Target::fixed([server])).policies(&POLICIES).connector(source);
    Ok(EchoServiceClient::new(channel.build()?))
}

/// Makes a call, within the deadline of its contract.
pub(super) async fn call(client: &mut Client) -> Result<(), Status> {
    let mut request = Request::new(UnaryRequest { text: "hello".to_owned() });
    request.set_timeout(Duration::from_secs(2));
    client.unary(request).await.map(drop)
}
