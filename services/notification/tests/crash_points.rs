//! What a crash at a named point may do, and the mistake that such a crash must bring to light.
//!
//! A panic stands for the crash: everything in memory is gone, and the store is opened anew. The points are the
//! process's, so these tests are a program of their own, and take turns.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use fail::FailScenario;
use mesh_events::{Envelope, EventKind, Handler as _};
use notification::{
    app::{Courier, Feed, Notifications, Tray},
    domain::{Notification, State},
    events::WelcomeUser,
    mail::{FileMailer, Letterhead, Mailer as _},
    store::{NotificationStore, cql::CqlStore, embedded::EmbeddedStore},
    templates::Templates,
};
use service_kit::{
    clock::{Clock, UnixMillis},
    cql::{Cql, CqlConfig},
    embedded::{Engine, EngineConfig},
};
use tempfile::TempDir;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const ADA: Uuid = Uuid::from_u128(0xa);

/// How long a test waits for what must come before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// One life of the service: it ends with a crash, and the next one has only what is stored.
struct Life {
    /// Of a store in a file.
    engine: Option<Engine>,
    store: Arc<dyn NotificationStore>,
    notifications: Notifications,
    courier: Arc<Courier>,
    mails: PathBuf,
}

impl Life {
    async fn begin(folder: &TempDir) -> Self {
        let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
        let store = EmbeddedStore::open(engine.clone(), clock()).await.unwrap();
        Self::with(Some(engine), Arc::new(store), folder)
    }

    async fn begin_on(cql: &Cql, folder: &TempDir) -> Self {
        let store = CqlStore::open(cql.clone(), clock(), "notification-0").await.unwrap();
        Self::with(None, Arc::new(store), folder)
    }

    fn with(engine: Option<Engine>, store: Arc<dyn NotificationStore>, folder: &TempDir) -> Self {
        let clock = clock();
        let mails = folder.path().join("mails");
        let mailer =
            Arc::new(FileMailer::open(&mails, Letterhead::new("no-reply@example.org").unwrap()).unwrap());
        let (templates, tray) = (Arc::new(Templates::load().unwrap()), Tray::new(mailer.pace()));
        let notifications = Notifications::new(
            store.clone(),
            Arc::clone(&templates),
            Feed::default(),
            tray.clone(),
            clock.clone(),
        );
        let courier = Arc::new(Courier::new(store.clone(), mailer, templates, Feed::default(), tray, clock));
        Self { engine, store, notifications, courier, mails }
    }

    /// Delivers the event of a new user.
    async fn deliver(&self) -> Result<(), JoinError> {
        let handler = WelcomeUser::new(self.notifications.clone());
        let event = Envelope {
            id: Uuid::from_u128(1),
            kind: EventKind::from_static("user.created"),
            subject: ADA,
            version: 1,
            occur_time_ms: 1_700_000_000_000,
            body: format!(r#"{{"user_id":"{ADA}","email":"ada@example.org"}}"#).into(),
            traceparent: None,
        };
        tokio::spawn(async move { handler.handle(&event).await.unwrap() }).await
    }

    /// Lets the courier work until everything is sent or it crashes.
    async fn send(&self) -> Result<(), JoinError> {
        let stop = CancellationToken::new();
        let (courier, told) = (Arc::clone(&self.courier), stop.clone());
        let mut at_work = tokio::spawn(async move { courier.run(told).await });
        let all_sent = async {
            while self.listed().await.iter().any(|listed| listed.state != State::Sent) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            ended = &mut at_work => return ended,
            sent = tokio::time::timeout(PATIENCE, all_sent) => sent.expect("it was never sent"),
        }
        stop.cancel();
        at_work.await
    }

    async fn listed(&self) -> Vec<Notification> {
        self.store.list(ADA, None, 10).await.unwrap()
    }

    fn mails(&self) -> Vec<String> {
        let names = std::fs::read_dir(&self.mails).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".eml")).collect()
    }

    async fn end(self) {
        if let Some(engine) = self.engine {
            engine.close().await.unwrap();
        }
    }
}

/// One that stands still.
fn clock() -> Clock {
    Clock::manual(UnixMillis(1_700_000_000_000)).0
}

#[tokio::test]
async fn a_crash_around_a_mail_neither_loses_nor_doubles_it() {
    for point in ["mail.before-send", "mail.after-send", "mail.after-record"] {
        let scenario = FailScenario::setup();
        let folder = tempfile::tempdir().unwrap();
        let life = Life::begin(&folder).await;
        life.deliver().await.unwrap();
        fail::cfg(point, "panic(crash)").unwrap();
        assert!(life.send().await.unwrap_err().is_panic(), "{point} was not reached");
        assert_eq!(life.mails().len(), usize::from(point != "mail.before-send"), "{point}");
        life.end().await;
        fail::remove(point);

        let life = Life::begin(&folder).await;
        // The event comes again: it was not acknowledged, for all that is known.
        life.deliver().await.unwrap();
        life.send().await.unwrap();
        let listed = life.listed().await;
        assert_eq!(listed.len(), 1, "{point}");
        assert_eq!((listed[0].state, listed[0].attempts), (State::Sent, 1), "{point}");
        assert_eq!(life.mails(), [format!("{}.eml", listed[0].id)], "{point}");
        life.end().await;
        scenario.teardown();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_two_writes_to_a_cluster_neither_loses_nor_doubles_a_mail() {
    let points = [
        "notification.before-row",
        "mail.before-send",
        "mail.after-send",
        "notification.before-unpoint",
        "mail.after-record",
    ];
    for point in points {
        let scenario = FailScenario::setup();
        let keyspace = mesh_rig::testing::keyspace().await;
        let config = CqlConfig::plain(keyspace.contact_points(), keyspace.name());
        let (cql, folder) = (Cql::connect(&config).await.unwrap(), tempfile::tempdir().unwrap());
        let life = Life::begin_on(&cql, &folder).await;
        fail::cfg(point, "panic(crash)").unwrap();
        let crashed = match life.deliver().await {
            Ok(()) => life.send().await,
            crashed => crashed,
        };
        assert!(crashed.unwrap_err().is_panic(), "{point} was not reached");
        life.end().await;
        fail::remove(point);

        let life = Life::begin_on(&cql, &folder).await;
        life.deliver().await.unwrap();
        life.send().await.unwrap();
        let listed = life.listed().await;
        assert_eq!(listed.len(), 1, "{point}");
        assert_eq!((listed[0].state, listed[0].attempts), (State::Sent, 1), "{point}");
        assert_eq!(life.mails(), [format!("{}.eml", listed[0].id)], "{point}");
        scenario.teardown();
    }
}

#[tokio::test]
async fn an_event_that_is_seen_before_it_has_an_effect_loses_its_mail_in_a_crash() {
    let scenario = FailScenario::setup();
    for (is_wrong, mails) in [(false, 1), (true, 0)] {
        fail::cfg("bug.seen-before-effect", if is_wrong { "return" } else { "off" }).unwrap();
        fail::cfg("notification.between-seen-and-effect", "panic(crash)").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let life = Life::begin(&folder).await;
        let delivered = life.deliver().await;
        assert_eq!(delivered.is_err(), is_wrong, "there is nothing between the two without the mistake");
        life.end().await;

        fail::remove("notification.between-seen-and-effect");
        let life = Life::begin(&folder).await;
        life.deliver().await.unwrap();
        life.send().await.unwrap();
        assert_eq!((life.listed().await.len(), life.mails().len()), (mails, mails));
        life.end().await;
    }
    scenario.teardown();
}

#[tokio::test]
async fn the_mistake_is_not_noticed_without_a_crash() {
    let scenario = FailScenario::setup();
    fail::cfg("bug.seen-before-effect", "return").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let life = Life::begin(&folder).await;
    life.deliver().await.unwrap();
    life.deliver().await.unwrap();
    life.send().await.unwrap();
    assert_eq!((life.listed().await.len(), life.mails().len()), (1, 1));
    life.end().await;
    scenario.teardown();
}
