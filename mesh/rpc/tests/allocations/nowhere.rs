//! Connections that nobody answers, so that endpoints are ready for calls that are not made.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Mutex,
    time::Duration,
};

use mesh_rpc::{Channel, ChannelConfig, Connector, Decisions, Target};
use tokio::io::{DuplexStream, duplex};
use tonic::Code;

/// A network on which every address accepts, and never speaks.
#[derive(Default)]
struct Nowhere(Mutex<Vec<DuplexStream>>);

impl Connector for Nowhere {
    type Io = DuplexStream;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Err(io::ErrorKind::NotFound.into())
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<DuplexStream> {
        let (near, far) = duplex(512);
        self.0.lock().expect("nobody panics with it").push(far);
        Ok(near)
    }
}

/// A channel to `endpoints` endpoints that are all connected.
pub(crate) async fn connected(endpoints: u32, config: ChannelConfig) -> (Channel, Decisions) {
    let addresses = (1..=endpoints).map(|host| (Ipv4Addr::from(0x0a00_0000 + host), 50_051).into());
    let channel =
        Channel::builder(Target::fixed(addresses)).connector(Nowhere::default()).config(config).seed(1);
    let channel = channel.build().expect("the configuration is sound");
    let decisions = Decisions::of(&channel);
    while u32::try_from(decisions.ready()) != Ok(endpoints) {
        if decisions.ready() == 0 {
            // As a call that waits: what there is may have changed while the first one looked, and then it looks again.
            decisions.decide(&http::Extensions::new(), Code::Ok);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (channel, decisions)
}
