//! A server of the tests.

use echo::echo_service_server::EchoServiceServer;
use mesh_rpc::{
    Channel, ChannelConfig, Drained, Health, Listener, Load, Server, ServerBuilder, ServerConfig, Target,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    Echo, EchoClient,
    network::{Network, address},
};

pub(crate) struct Node {
    pub(crate) network: Network,
    pub(crate) health: Health,
    pub(crate) load: Load,
    pub(crate) echo: Echo,
    port: u16,
    shutdown: CancellationToken,
    serving: JoinHandle<Drained>,
}

impl Node {
    /// A server with the defaults, alone on its network.
    pub(crate) fn start(echo: Echo) -> Self {
        Self::start_at(&Network::default(), 1, echo, |server| server)
    }

    pub(crate) fn start_with(config: ServerConfig) -> Self {
        Self::start_at(&Network::default(), 1, Echo::default(), |server| server.config(config))
    }

    pub(crate) fn start_at(
        network: &Network,
        port: u16,
        echo: Echo,
        configure: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        let builder =
            Server::builder().service(EchoServiceServer::new(echo.clone())).descriptors(echo::DESCRIPTORS);
        let server = configure(builder).build().unwrap();
        let (health, load) = (server.health(), server.load());
        let listener = network.listen(port);
        let (shutdown, serving) = spawn(server, listener);
        Self { network: network.clone(), health, load, echo, port, shutdown, serving }
    }

    /// A channel to this server alone.
    pub(crate) fn channel(&self) -> Channel {
        channel(&self.network, &[self.port])
    }

    pub(crate) fn client(&self) -> EchoClient {
        EchoClient::new(self.channel())
    }

    /// Begins the drain.
    pub(crate) fn stop(&self) {
        self.shutdown.cancel();
    }

    /// Waits for the end of the drain.
    pub(crate) async fn stopped(self) -> Drained {
        self.stop();
        self.serving.await.unwrap()
    }
}

pub(crate) fn spawn(server: Server, listener: impl Listener) -> (CancellationToken, JoinHandle<Drained>) {
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    (shutdown, tokio::spawn(async move { server.serve(listener, token).await.unwrap() }))
}

/// A channel to the servers at `ports`.
pub(crate) fn channel(network: &Network, ports: &[u16]) -> Channel {
    channel_to(network, Target::fixed(ports.iter().map(|port| address(*port))))
}

pub(crate) fn channel_to(network: &Network, target: Target) -> Channel {
    Channel::builder(target)
        .connector(network.clone())
        .config(ChannelConfig::default())
        .seed(1)
        .build()
        .unwrap()
}
