//! Both stacks on a simulated network: one thread, one seed, and the same story every time it is told.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use echo::{UnaryRequest, echo_service_server::EchoServiceServer};
use mesh_rpc::{Channel, ChannelConfig, Connector, Listener, Server, ServerConfig};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request};
use turmoil::net::{TcpListener, TcpStream};

use crate::support::{Echo, EchoClient};

const SEEDS: u64 = 50;
/// One call every 100 ms; the network is cut before one and repaired before the other.
const CALLS: u32 = 120;
const CUT: u32 = 20;
const REPAIRED: u32 = 50;
/// By this call everything must have healed: a lost connection is noticed within two seconds, and the longest
/// wait between two attempts to connect is 1.2 s.
const HEALED: u32 = REPAIRED + 35;

pub(crate) struct Port(pub(crate) TcpListener);

impl Listener for Port {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.0.accept().await
    }
}

pub(crate) struct Simulated;

impl Connector for Simulated {
    type Io = TcpStream;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![(turmoil::lookup(host), port).into()])
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}

async fn serve() -> turmoil::Result {
    let keepalive = Duration::from_secs(1);
    let config = ServerConfig {
        keepalive_interval: keepalive,
        keepalive_timeout: keepalive,
        ..ServerConfig::default()
    };
    let server = Server::builder().service(EchoServiceServer::new(Echo::default())).config(config).build()?;
    let listener = Port(TcpListener::bind("0.0.0.0:9000").await?);
    server.serve(listener, CancellationToken::new()).await?;
    Ok(())
}

fn connect(seed: u64) -> turmoil::Result<EchoClient> {
    let config = ChannelConfig {
        connect_timeout: Duration::from_secs(1),
        backoff_max: Duration::from_secs(1),
        keepalive_interval: Duration::from_secs(1),
        keepalive_timeout: Duration::from_secs(1),
        ..ChannelConfig::default()
    };
    let target = "dns:///server:9000".parse()?;
    let channel = Channel::builder(target).connector(Simulated).config(config).seed(seed).build()?;
    Ok(EchoClient::new(channel))
}

/// How each call ended, and when.
type Story = Vec<(u32, Duration, Code)>;

fn tell(seed: u64) -> Story {
    let mut simulation = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_secs(300))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(20))
        .build();
    simulation.host("server", serve);
    let story = Arc::new(Mutex::new(Story::new()));
    let told = Arc::clone(&story);
    simulation.client("client", async move {
        let client = connect(seed)?;
        for index in 0..CALLS {
            match index {
                CUT => turmoil::partition("client", "server"),
                REPAIRED => turmoil::repair("client", "server"),
                _ => {}
            }
            let mut request = Request::new(UnaryRequest { text: index.to_string() });
            request.set_timeout(Duration::from_millis(300));
            let code = match client.clone().unary(request).await {
                Ok(answer) => {
                    assert_eq!(answer.into_inner().text, index.to_string());
                    Code::Ok
                }
                Err(status) => status.code(),
            };
            told.lock().unwrap().push((index, turmoil::elapsed(), code));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    });
    simulation.run().unwrap();
    std::mem::take(&mut story.lock().unwrap())
}

#[test]
fn calls_survive_a_partition_and_every_story_can_be_told_again() {
    let mut distinct = std::collections::BTreeSet::new();
    for seed in 0..SEEDS {
        let story = tell(seed);
        for (index, at, code) in &story {
            let expected = match *index {
                CUT..REPAIRED => matches!(code, Code::DeadlineExceeded | Code::Unavailable),
                REPAIRED..HEALED => matches!(code, Code::Ok | Code::DeadlineExceeded | Code::Unavailable),
                _ => matches!(code, Code::Ok),
            };
            assert!(expected, "seed {seed}, call {index} at {at:?}: {code:?}");
        }
        if seed % 10 == 0 {
            assert_eq!(story, tell(seed), "seed {seed}");
        }
        distinct.insert(story.into_iter().map(|(_, at, _)| at).collect::<Vec<_>>());
    }
    assert!(distinct.len() > 1, "the seed changes nothing");
}
