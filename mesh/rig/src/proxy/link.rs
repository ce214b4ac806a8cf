//! One connection: two sockets and what goes between them.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{net::TcpStream, sync::watch, time::timeout};

use super::{
    fault::{Direction, State},
    pump::pump,
};

/// How long the server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Holds a connection until both sides have said all, or until it is broken: then both sides are reset.
pub(super) async fn hold(mut client: TcpStream, server: SocketAddr, state: watch::Receiver<State>) {
    let connecting = async { timeout(CONNECT, TcpStream::connect(server)).await? };
    let Some(mut server) = unless_broken(connecting, state.clone()).await else { return reset(&client) };
    // The proxy adds no delay of its own; a socket that is gone is found out soon enough.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    if unless_broken(carry(&mut client, &mut server, &state), state.clone()).await.is_none() {
        reset(&client);
        reset(&server);
    }
}

/// What comes of it, unless it fails or connections are reset before.
async fn unless_broken<T>(
    what: impl Future<Output = io::Result<T>>,
    mut state: watch::Receiver<State>,
) -> Option<T> {
    tokio::select! {
        biased;
        _broken = state.wait_for(|state| state.resets()) => None,
        outcome = what => outcome.ok(),
    }
}

/// Carries both ways until both have ended. A failure of one direction ends both.
async fn carry(
    client: &mut TcpStream,
    server: &mut TcpStream,
    state: &watch::Receiver<State>,
) -> io::Result<()> {
    // Halves that borrow: those that own would say an end when they are dropped, before the reset.
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::try_join!(
        pump(from_client, to_server, Direction::ToServer, state.clone()),
        pump(from_server, to_client, Direction::ToClient, state.clone()),
    )
    .map(drop)
}

/// The socket is reset when it is closed, whatever it still has to send.
fn reset(socket: &TcpStream) {
    let _ = socket.set_zero_linger();
}
