//! The outbox: users are created in CQL with their events, which a relay then publishes.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use anyhow::Context as _;
use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use load::servers::Lent;
use mesh_events::{
    Bus as _, Envelope, Outbox, OutboxError, OutboxKey, Publisher, Relay, RelayConfig,
    rabbitmq::{RabbitBus, RabbitConfig},
};
use service_kit::{
    clock::{Clock, UnixMillis},
    cql::{
        Cql, CqlConfig,
        commit::{CommitConfig, CqlOutbox},
    },
    process::topology,
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use user::{
    domain::{DisplayName, Email, Locale, User, UserId},
    events,
    store::{CreateUser, UserStore as _, cql::CqlStore},
};

/// Users created at once.
const AT_ONCE: usize = 64;
/// How long the relay may take for everything.
const PATIENCE: Duration = Duration::from_secs(300);
/// Never, as far as a run is concerned.
const NEVER: Duration = Duration::from_secs(24 * 3_600);

/// A user store and a bus, and what leads from one to the other.
pub(super) struct Outboxes {
    store: CqlStore,
    bus: RabbitBus,
    counted: Arc<Counted>,
}

/// A relay that has swept an empty outbox and is handed everything from now on.
pub(super) struct Waiting {
    relay: Running,
    publisher: Publisher,
    marked: watch::Receiver<usize>,
}

/// A relay that runs.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Outboxes {
    pub(super) async fn open(lent: &Lent) -> anyhow::Result<Self> {
        let cql = Cql::connect(&CqlConfig::plain(lent.nodes.clone(), &lent.keyspace("user"))).await?;
        let store = CqlStore::open(cql, Clock::system(), CommitConfig::default()).await?;
        let bus = RabbitBus::open(RabbitConfig::new(lent.uri(lent.broker.amqp).parse()?));
        bus.declare(&topology()).await?;
        let counted =
            Counted { outbox: store.outbox(), marked: watch::Sender::new(0), swept: watch::Sender::new(0) };
        Ok(Self { store, bus, counted: Arc::new(counted) })
    }

    /// Creates this many users; answers their events, which nobody has handed over.
    pub(super) async fn commit(&self, series: &str, count: usize) -> anyhow::Result<Vec<Envelope>> {
        let create = async |number: usize| {
            let user = somebody(&format!("{series}-{number}"))?;
            let event = events::created(&user);
            let command = CreateUser { user, request: None, event: event.clone() };
            self.store.create_user(command).await?;
            anyhow::Ok(event)
        };
        stream::iter(0..count).map(create).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Starts a relay while the outbox is empty. It never sweeps again, so that it is the hand-over that is measured.
    pub(super) async fn relay_that_waits(&self) -> anyhow::Result<Waiting> {
        let mut swept = self.counted.swept.subscribe();
        swept.mark_unchanged();
        let config = RelayConfig {
            // A service that commits them one by one has room for fewer.
            offered_max: NonZeroUsize::new(65_536).context("is not zero")?,
            sweep_every: NEVER,
            ..RelayConfig::default()
        };
        let (relay, publisher) = self.start(config);
        timeout(PATIENCE, swept.changed()).await.context("the relay does not sweep")??;
        Ok(Waiting { relay, publisher, marked: self.counted.marked.subscribe() })
    }

    /// Starts a relay as after a crash and waits until this many events have their marks.
    pub(super) async fn sweep(&self, count: usize) -> anyhow::Result<Duration> {
        let marked = self.counted.marked.subscribe();
        let before = *marked.borrow();
        let start = Instant::now();
        let (relay, _publisher) = self.start(RelayConfig::default());
        let took = until(marked, before + count, start).await?;
        relay.end().await?;
        Ok(took)
    }

    pub(super) async fn close(self) {
        self.bus.close().await;
    }

    fn start(&self, config: RelayConfig) -> (Running, Publisher) {
        let outbox = Arc::clone(&self.counted);
        let (publisher, relay) = Relay::new(outbox, Arc::new(self.bus.clone()), config);
        let stop = CancellationToken::new();
        let task = tokio::spawn(relay.run(stop.clone()));
        (Running { stop, task }, publisher)
    }
}

impl Waiting {
    /// Hands all events over and waits until they have their marks.
    pub(super) async fn hand_over(self, events: Vec<Envelope>) -> anyhow::Result<Duration> {
        let until_marked = *self.marked.borrow() + events.len();
        let start = Instant::now();
        for event in events {
            anyhow::ensure!(self.publisher.offer(event), "the relay has no room for all events");
        }
        let took = until(self.marked, until_marked, start).await?;
        self.relay.end().await?;
        Ok(took)
    }
}

impl Running {
    async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.task.await?)
    }
}

async fn until(mut marked: watch::Receiver<usize>, count: usize, start: Instant) -> anyhow::Result<Duration> {
    let all = marked.wait_for(|marked| *marked >= count);
    timeout(PATIENCE, all).await.context("the relay does not get to the end")??;
    Ok(start.elapsed())
}

fn somebody(name: &str) -> anyhow::Result<User> {
    let email = Email::parse("email", &format!("person-{name}@example.org"));
    let display_name = DisplayName::parse("display_name", &format!("Person {name}"));
    let now: UnixMillis = Clock::system().now();
    Ok(User {
        id: UserId::random(),
        email: email.map_err(|wrong| anyhow::anyhow!(wrong.description))?,
        display_name: display_name.map_err(|wrong| anyhow::anyhow!(wrong.description))?,
        locale: Locale::restore(String::new()),
        version: 1,
        created: now,
        updated: now,
    })
}

/// An outbox that counts.
struct Counted {
    outbox: CqlOutbox,
    /// Events that have their marks.
    marked: watch::Sender<usize>,
    /// Pages that were asked for.
    swept: watch::Sender<usize>,
}

#[async_trait]
impl Outbox for Counted {
    async fn pending(
        &self,
        older_than: Duration,
        after: Option<OutboxKey>,
        limit: usize,
    ) -> Result<Vec<Envelope>, OutboxError> {
        let page = self.outbox.pending(older_than, after, limit).await;
        self.swept.send_modify(|pages| *pages += 1);
        page
    }

    async fn mark_published(&self, keys: &[OutboxKey]) -> Result<(), OutboxError> {
        self.outbox.mark_published(keys).await?;
        self.marked.send_modify(|marked| *marked += keys.len());
        Ok(())
    }
}
