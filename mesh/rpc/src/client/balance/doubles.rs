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
    Choice, Draws, Epoch, Keeper, Picker, Place, Queue, Random, Scale, Seats, Snapshot, Wish,
    snapshot::Members,
};
use crate::client::{
    ChannelConfig,
    backoff::Backoff,
    dial::{Dial, settings},
    endpoint::Endpoint,
    ping_interval::PingInterval,
    pool::{Connection, Peer},
    wires::Wires,
};
use crate::{
    calls::{Calls, Counted},
    wire::ConnectionError,
};

/// A connection that is open as long as its driver lives, which need not be polled. The other end never speaks.
pub(in crate::client) async fn connection() -> (Arc<Connection>, Peer, Driver) {
    let field = Field::of(1, ChannelConfig::default()).await;
    connection_to(&field.endpoints[0]).await
}

/// Another one, to this endpoint, which does not know of it yet.
async fn connection_to(endpoint: &Arc<Endpoint>) -> (Arc<Connection>, Peer, Driver) {
    let (near, far) = duplex(1_024);
    let (sender, driver) =
        settings(&endpoint.wires.config, &TaskTracker::new()).handshake(near).await.unwrap();
    let connection = Arc::new(Connection::new(sender, Arc::clone(endpoint)));
    let peer = Peer::of(&connection);
    let driver = Driver { peer: peer.clone(), _connection: Box::pin(driver), _far: far };
    (connection, peer, driver)
}

pub(in crate::client) struct Driver {
    pub(in crate::client) peer: Peer,
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
        ping_interval: PingInterval::new(config.keepalive_interval),
        backoff: Backoff::new(&config, 1),
        random: Random::new(1),
        draws: 1,
        tasks,
        closed: CancellationToken::new(),
        keeper: Keeper::default(),
        trouble: Notify::new(),
        metrics: ClientMetrics::registered(&Registry::default(), String::new(), []),
        calls: Calls::default(),
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
        let mut seats = Seats::new(count.into(), 7);
        for port in 1..=count {
            let address = SocketAddr::from(([10, 0, 0, 1], port));
            let authority = address.to_string().parse().unwrap();
            let endpoint = Endpoint::new(address.into(), authority, seats.next(), Arc::clone(&wires));
            let endpoint = Arc::new(endpoint);
            let (connection, peer, driver) = connection_to(&endpoint).await;
            peer.allows(1_000_000);
            assert!(endpoint.opened(connection));
            endpoints.push(endpoint);
            drivers.push(driver);
        }
        let members = Arc::new(Members::new(endpoints.clone()));
        let snapshot = Snapshot::with_ready(members, 0..endpoints.len());
        let picker = Picker::new(&wires.config.balance);
        Self { wires, endpoints, drivers, snapshot, picker }
    }

    pub(in crate::client) fn pick(&self, wish: &Wish) -> Option<Place> {
        let Counted { number, in_flight } = self.wires.calls.take(usize::MAX).unwrap();
        let now = Instant::now();
        let place = self.picker.pick(&Choice {
            snapshot: &self.snapshot,
            wish,
            draws: Draws::of(self.wires.draws, number),
            scale: &self.wires.scale,
            slow_start: &self.wires.config.balance.slow_start,
            max_in_flight: self.wires.config.max_in_flight,
            in_flight,
            now,
            tick: self.wires.epoch.tick(now),
        });
        if place.is_none() {
            self.wires.calls.give_back();
        }
        place
    }

    /// A place on the endpoint with this number, whoever else might be chosen.
    pub(in crate::client) fn take(&self, number: usize) -> Place {
        assert!(self.wires.calls.take(usize::MAX).is_some());
        let endpoint = &self.endpoints[number];
        assert!(endpoint.gauges.load.in_flight.take(usize::MAX));
        Place::new(endpoint.take_stream().unwrap(), Instant::now(), false)
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

/// An endpoint and its connections have each other until one of them ends.
impl Drop for Field {
    fn drop(&mut self) {
        self.endpoints.iter().for_each(|endpoint| endpoint.retire());
    }
}
