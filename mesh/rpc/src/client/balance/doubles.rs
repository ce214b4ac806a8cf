//! Connections and endpoints without a server.

use std::{io, net::SocketAddr, sync::Arc};

use futures_util::future::BoxFuture;
use mesh_telemetry::metrics::{ClientMetrics, Registry};
use tokio::{
    io::{DuplexStream, duplex},
    sync::Notify,
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Choice, Epoch, Keeper, Picker, Place, Queue, Random, Ready, Scale, Slots, Snapshot, Wish,
    snapshot::Members,
};
use crate::client::{
    ChannelConfig,
    backoff::Backoff,
    dial::{Dial, settings},
    endpoint::Endpoint,
    pool::{Connection, Peer},
    wires::Wires,
};
use crate::wire::ConnectionError;

/// A connection that is open as long as its driver lives, which need not be polled. The other end never speaks.
pub(in crate::client) async fn connection() -> (Connection, Arc<Peer>, Driver) {
    let (near, far) = duplex(1_024);
    let config = ChannelConfig::default();
    let (sender, driver) = settings(&config, &TaskTracker::new()).handshake(near).await.unwrap();
    let peer = Arc::new(Peer::new());
    let connection = Connection::new(sender, Arc::clone(&peer));
    let driver = Driver { peer: Arc::clone(&peer), _connection: Box::pin(driver), _far: far };
    (connection, peer, driver)
}

pub(in crate::client) struct Driver {
    pub(in crate::client) peer: Arc<Peer>,
    _connection: BoxFuture<'static, Result<(), ConnectionError>>,
    _far: DuplexStream,
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.peer.close();
    }
}

/// A network on which nobody is.
pub(in crate::client) struct Nowhere;

impl crate::Connector for Nowhere {
    type Io = DuplexStream;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        std::future::pending().await
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<DuplexStream> {
        std::future::pending().await
    }
}

/// What the endpoints of a channel share, on this network.
pub(in crate::client) fn wires(dial: impl Dial + 'static, config: ChannelConfig) -> Arc<Wires> {
    let tasks = TaskTracker::new();
    Arc::new(Wires {
        dial: Box::new(dial),
        settings: settings(&config, &tasks),
        backoff: Backoff::new(&config, 1),
        random: Random::new(1),
        tasks,
        closed: CancellationToken::new(),
        keeper: Keeper::default(),
        trouble: Notify::new(),
        metrics: ClientMetrics::registered(&Registry::default(), String::new(), []),
        in_flight: Slots::default(),
        queue: Queue::new(config.max_queued),
        epoch: Epoch::new(Instant::now()),
        scale: Scale::new(&config.balance),
        config,
    })
}

/// Endpoints that are connected to nobody, and take calls.
pub(in crate::client) struct Field {
    pub(in crate::client) wires: Arc<Wires>,
    pub(in crate::client) endpoints: Vec<Arc<Endpoint>>,
    pub(in crate::client) drivers: Vec<Driver>,
    pub(in crate::client) snapshot: Snapshot,
    picker: Picker,
}

impl Field {
    pub(in crate::client) async fn of(count: u16, config: ChannelConfig) -> Self {
        let wires = wires(Nowhere, config);
        let (mut endpoints, mut drivers) = (Vec::new(), Vec::new());
        for port in 1..=count {
            let address = SocketAddr::from(([10, 0, 0, 1], port));
            let authority = address.to_string().parse().unwrap();
            let endpoint = Arc::new(Endpoint::new(address.into(), authority, Arc::clone(&wires)));
            let (connection, peer, driver) = connection().await;
            peer.allows(1_000_000);
            assert!(endpoint.opened(connection));
            endpoints.push(endpoint);
            drivers.push(driver);
        }
        let snapshot = Snapshot {
            members: Arc::new(Members::new(endpoints.clone())),
            ready: endpoints.iter().map(Ready::new).collect(),
            ..Snapshot::unknown()
        };
        let picker = Picker::new(&wires.config.balance);
        Self { wires, endpoints, drivers, snapshot, picker }
    }

    pub(in crate::client) fn pick(&self, wish: &Wish) -> Option<Place> {
        assert!(self.wires.in_flight.take(usize::MAX));
        let now = Instant::now();
        let place = self.picker.pick(Choice {
            snapshot: &self.snapshot,
            wish,
            random: &self.wires.random,
            scale: &self.wires.scale,
            slow_start: &self.wires.config.balance.slow_start,
            in_flight: self.wires.in_flight.taken(),
            now,
            tick: self.wires.epoch.tick(now),
        });
        if place.is_none() {
            self.wires.in_flight.give_back();
        }
        place
    }

    /// Where a call goes that stays there for no time, as the number of its endpoint.
    pub(in crate::client) fn pick_once(&self, wish: &Wish) -> Option<usize> {
        let mut place = self.pick(wish)?;
        place.finish(tonic::Code::Ok, None);
        Some(Self::number(&place))
    }

    pub(in crate::client) fn number(place: &Place) -> usize {
        usize::from(place.endpoint().key().port()) - 1
    }
}
