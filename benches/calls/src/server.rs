//! The server, one of each kind.

use std::net::SocketAddr;

use echo::echo_service_server::EchoServiceServer;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;

use crate::{
    Kind,
    contract::{Echo, POLICIES},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Whose server.
    kind: Kind,
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
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
            let server = mesh_rpc::Server::builder()
                .service(EchoServiceServer::new(Echo))
                .policies(&POLICIES)
                .build()?;
            server.serve(listener, CancellationToken::new()).await?;
        }
    }
    Ok(())
}
