//! The server, one of each kind.

use std::net::SocketAddr;

use echo::echo_service_server::EchoServiceServer;
use mesh_rpc::ServerConfig;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;

use crate::{
    Kind,
    contract::{Echo, POLICIES},
    telling::Telling,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Whose server.
    kind: Kind,
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Who takes what the mesh tells.
    #[arg(long)]
    collector: Option<SocketAddr>,
    /// Connections at once, if not as many as the mesh says.
    #[arg(long)]
    max_connections: Option<usize>,
    /// What names a caller, if it is not its address.
    #[arg(long)]
    caller_key: Option<String>,
}

impl Arguments {
    fn config(&self) -> ServerConfig {
        let mut config = ServerConfig::default();
        config.max_connections = self.max_connections.unwrap_or(config.max_connections);
        config.rate_limit.caller_key.clone_from(&self.caller_key);
        config
    }
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let listener = TcpListener::bind(arguments.listen).await?;
    println!("{}", listener.local_addr()?);
    match arguments.kind {
        Kind::Tonic => {
            let incoming = TcpListenerStream::new(listener);
            let server = tonic::transport::Server::builder().tcp_nodelay(true);
            { server }.add_service(EchoServiceServer::new(Echo)).serve_with_incoming(incoming).await?;
        }
        Kind::Mesh => {
            let _telling = Telling::begin(arguments.collector).await?;
            let server = mesh_rpc::Server::builder()
                .service(EchoServiceServer::new(Echo))
                .policies(&POLICIES)
                .config(arguments.config())
                .build()?;
            server.serve(listener, CancellationToken::new()).await?;
        }
    }
    Ok(())
}
