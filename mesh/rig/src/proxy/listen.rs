//! Who listens, and tells the links what is wrong.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    fault::{Fault, State},
    link,
};

/// Connections at once; whoever comes then waits.
const CONNECTIONS_MAX: usize = 1024;
/// The wait after a connection could not be accepted, or a port could not be had.
const AGAIN: Duration = Duration::from_millis(50);
/// How long a change may take: the port has to be had again.
const CHANGE: Duration = Duration::from_secs(10);

/// A proxy that listens at one address and connects to another one. It is gone, with its connections, when it is
/// dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    /// What is in force.
    in_force: watch::Receiver<State>,
    open: watch::Receiver<usize>,
    _serving: JoinSet<()>,
}

impl Proxy {
    /// Listens at `address`, port 0 being any, in front of `server`, which need not be there yet.
    ///
    /// # Errors
    /// When it cannot listen there.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time and IO.
    pub async fn listen(address: SocketAddr, server: SocketAddr) -> io::Result<Self> {
        let port = bind(address)?;
        let address = port.local_addr()?;
        let listener = listen(address)?;
        let (state, in_force, open) =
            (watch::Sender::default(), watch::Sender::default(), watch::Sender::new(0));
        let (told, opened) = (in_force.subscribe(), open.subscribe());
        let mut serving = JoinSet::new();
        let desk = Desk { address, _port: port, server, state: state.subscribe(), in_force, open };
        serving.spawn(desk.serve(listener));
        Ok(Self { address, state, in_force: told, open: opened, _serving: serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        *self.open.borrow()
    }

    /// Breaks the link, in place of whatever was wrong with it. New connections meet the fault when this returns;
    /// those that are open do so right after.
    ///
    /// # Errors
    /// When it cannot listen again.
    pub async fn set(&self, fault: Fault) -> io::Result<()> {
        self.change(Some(fault)).await
    }

    /// Makes the link whole.
    ///
    /// # Errors
    /// When it cannot listen again.
    pub async fn heal(&self) -> io::Result<()> {
        self.change(None).await
    }

    async fn change(&self, fault: Option<Fault>) -> io::Result<()> {
        self.state.send_modify(|state| *state = State { fault, changes: state.changes + 1 });
        let changes = self.state.borrow().changes;
        let mut in_force = self.in_force.clone();
        let waited = timeout(CHANGE, in_force.wait_for(|state| state.changes >= changes)).await?;
        waited.map(drop).map_err(|_gone| io::ErrorKind::BrokenPipe.into())
    }
}

struct Desk {
    address: SocketAddr,
    /// Keeps the port while nobody listens: it would be given to whoever connects somewhere, and never be had again.
    _port: TcpSocket,
    server: SocketAddr,
    state: watch::Receiver<State>,
    in_force: watch::Sender<State>,
    open: watch::Sender<usize>,
}

impl Desk {
    async fn serve(mut self, listener: TcpListener) {
        let mut listener = Some(listener);
        let mut links = JoinSet::new();
        loop {
            let state = *self.state.borrow_and_update();
            if state.fault == Some(Fault::Refuse) {
                listener = None;
            } else if listener.is_none() {
                listener = listen(self.address).ok();
            }
            if listener.is_some() || state.fault == Some(Fault::Refuse) {
                self.in_force.send_replace(state);
            }
            self.open.send_if_modified(|open| std::mem::replace(open, links.len()) != links.len());
            tokio::select! {
                changed = self.state.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                Some(_ended) = links.join_next() => {}
                accepted = accept(listener.as_ref(), &state), if links.len() < CONNECTIONS_MAX => {
                    if let Some(client) = accepted {
                        links.spawn(link::hold(client, self.server, self.state.clone()));
                    }
                }
            }
        }
    }
}

/// A port, shared among the sockets that are made here. SO_REUSEADDR would share it with everybody's.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    bind(address)?.listen(u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX))
}

/// The next client; nothing after a while if there cannot be one now.
async fn accept(listener: Option<&TcpListener>, state: &State) -> Option<tokio::net::TcpStream> {
    match listener {
        Some(listener) => match listener.accept().await {
            Ok((client, _)) => Some(client),
            Err(_) => {
                sleep(AGAIN).await;
                None
            }
        },
        None if state.fault == Some(Fault::Refuse) => std::future::pending().await,
        None => {
            sleep(AGAIN).await;
            None
        }
    }
}
