//! All endpoints of a channel, and which of them is next.

use std::{
    net::SocketAddr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use http::uri::Authority;
use hyper::client::conn::http2::SendRequest;
use tonic::body::Body;

use super::{
    Target,
    endpoint::{Endpoint, Place, Readiness, Wires},
    resolve,
    target::Kind,
};
use crate::error::MeshError;

/// The endpoints as they are known now. The resolver changes them, calls read them.
pub(super) struct Directory {
    pub(super) target: Target,
    pub(super) wires: Arc<Wires>,
    list: RwLock<List>,
}

/// What is known of a target.
struct List {
    endpoints: Vec<Arc<Endpoint>>,
    /// Why there are none. `None`: nobody has said yet.
    none: Option<String>,
}

impl Directory {
    /// Replaces the addresses. An endpoint that stays keeps its connection.
    pub(super) fn update(&self, addresses: &[SocketAddr]) {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the lock under which a channel that closes empties the list: it stays empty.
        if self.wires.closed.is_cancelled() {
            return;
        }
        let before = std::mem::take(&mut list.endpoints);
        for address in addresses {
            if list.endpoints.iter().any(|endpoint| endpoint.address == *address) {
                continue;
            }
            let endpoint = match before.iter().find(|endpoint| endpoint.address == *address) {
                Some(known) => Arc::clone(known),
                None => {
                    let authority = self.authority(*address);
                    Arc::new(Endpoint::new(*address, authority, Arc::clone(&self.wires)))
                }
            };
            list.endpoints.push(endpoint);
        }
        for endpoint in before {
            if !addresses.contains(&endpoint.address) {
                endpoint.retire();
            }
        }
        list.none = Some("the name has no address".to_owned());
        drop(list);
        self.wires.changed.send_replace(());
    }

    /// Notes that the addresses cannot be found out. Those that are known stay: a resolver that is away for a
    /// moment is no reason to stop calling servers that answer.
    pub(super) fn unresolved(&self, cause: String) {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        if self.wires.closed.is_cancelled() {
            return;
        }
        list.none = Some(cause);
        drop(list);
        self.wires.changed.send_replace(());
    }

    /// The name that was asked for, if there is one; certificates and virtual hosts go by it.
    fn authority(&self, address: SocketAddr) -> Authority {
        let name = match &self.target.0 {
            Kind::Dns { host, port } => format!("{host}:{port}"),
            Kind::Static(_) => address.to_string(),
        };
        Authority::try_from(name).expect("an address is an authority, and a name was checked to be one")
    }
}

/// The directory and the turn of each endpoint in it. Its owner, the channel, ends all tasks with it.
pub(super) struct Endpoints {
    directory: Arc<Directory>,
    turn: AtomicUsize,
    resolving: AtomicBool,
}

/// A connection for one call, and the call's place on it.
pub(super) struct Picked {
    pub(super) place: Place,
    pub(super) sender: SendRequest<Body>,
}

enum Pick {
    Ready(Picked),
    /// This endpoint has a connection, and as many calls in flight as it may have.
    Full(Arc<Endpoint>),
    Wait,
    Failed(MeshError),
}

impl Endpoints {
    pub(super) fn new(target: Target, wires: Arc<Wires>) -> Self {
        let list = RwLock::new(List { endpoints: Vec::new(), none: None });
        let directory = Directory { target, wires, list };
        let is_static = match &directory.target.0 {
            Kind::Static(addresses) => {
                directory.update(addresses);
                true
            }
            Kind::Dns { .. } => false,
        };
        Self {
            directory: Arc::new(directory),
            turn: AtomicUsize::new(0),
            resolving: AtomicBool::new(is_static),
        }
    }

    /// A connection for the next call: the next endpoint that has one and room for a call, in turn. While none
    /// has, waits for the first one to come; while all are full, for room on the one whose turn it is.
    ///
    /// # Errors
    /// When no endpoint can be reached at the moment: the call fails at once rather than at its deadline.
    pub(super) async fn ready(&self) -> Result<Picked, MeshError> {
        match self.pick() {
            Pick::Ready(picked) => return Ok(picked),
            Pick::Failed(error) => return Err(error),
            Pick::Full(_) | Pick::Wait => {}
        }
        let mut changed = self.directory.wires.changed.subscribe();
        loop {
            match self.pick() {
                Pick::Ready(picked) => return Ok(picked),
                Pick::Failed(error) => return Err(error),
                Pick::Full(endpoint) => {
                    let place = tokio::select! {
                        place = endpoint.place() => place,
                        _ = changed.changed() => continue,
                    };
                    if let Readiness::Ready(sender) = endpoint.want() {
                        return Ok(Picked { place, sender });
                    }
                }
                // The sender is part of `self`: this wait cannot fail.
                Pick::Wait => drop(changed.changed().await),
            }
        }
    }

    fn pick(&self) -> Pick {
        self.resolve_once();
        let list = self.directory.list.read().unwrap_or_else(PoisonError::into_inner);
        let endpoints = &list.endpoints;
        if endpoints.is_empty() {
            return match &list.none {
                Some(cause) => Pick::Failed(MeshError::NoEndpoint {
                    target: self.directory.target.to_string(),
                    cause: cause.clone(),
                }),
                None => Pick::Wait,
            };
        }
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut coming = false;
        let mut full = None;
        for offset in 0..endpoints.len() {
            // Endpoints that are passed over are reminded that they are wanted.
            let endpoint = &endpoints[first.wrapping_add(offset) % endpoints.len()];
            match endpoint.want() {
                Readiness::Ready(sender) => match endpoint.try_place() {
                    Some(place) => return Pick::Ready(Picked { place, sender }),
                    None => full = full.or(Some(endpoint)),
                },
                Readiness::Coming => coming = true,
                Readiness::Failed => {}
            }
        }
        if let Some(endpoint) = full {
            return Pick::Full(Arc::clone(endpoint));
        }
        if coming {
            return Pick::Wait;
        }
        match endpoints.iter().find_map(|endpoint| endpoint.error()) {
            Some(error) => Pick::Failed(error),
            // One of them has begun to connect since it was asked.
            None => Pick::Wait,
        }
    }

    /// Starts to follow a name at the first call: a channel can be built before there is a runtime.
    fn resolve_once(&self) {
        if !self.resolving.load(Ordering::Relaxed) && !self.resolving.swap(true, Ordering::Relaxed) {
            let directory = Arc::clone(&self.directory);
            self.directory.wires.tasks.spawn(resolve::follow(directory));
        }
    }

    /// Takes no more calls, and waits until those under way are over.
    pub(super) async fn close(&self) {
        self.retire();
        let tasks = &self.directory.wires.tasks;
        tasks.close();
        tasks.wait().await;
    }

    fn retire(&self) {
        self.directory.wires.closed.cancel();
        let mut list = self.directory.list.write().unwrap_or_else(PoisonError::into_inner);
        for endpoint in list.endpoints.drain(..) {
            endpoint.retire();
        }
        list.none = Some("the channel is closed".to_owned());
        drop(list);
        self.directory.wires.changed.send_replace(());
    }
}

impl Drop for Endpoints {
    fn drop(&mut self) {
        self.retire();
    }
}
