//! A courier at work, between a real store and a mailer that follows a script.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use notification::{
    app::{Courier, Feed, Notifications, Order, Tray, Watch},
    domain::{Content, Notification, NotificationId, Recipient, State, Text, Verdict},
    mail::{Mail, Mailer, Pace},
    store::embedded::EmbeddedStore,
    templates::Templates,
};
use service_kit::{
    clock::{Clock, Hand, UnixMillis},
    embedded::{Engine, EngineConfig},
};
use tempfile::TempDir;
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a test waits for what must come before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// The mailer's.
const PACE: Pace = Pace { batch: 256, lanes: 2 };

/// What the mailer does with a batch.
pub(super) enum Act {
    /// Gives these verdicts, which may be fewer than there are mails.
    Answer(Vec<Verdict>),
    Panic,
    /// Keeps the batch until [`Post::let_go`], and has sent it then.
    Hold,
}

/// A mailer that follows a script, and has sent everything when the script is over.
struct Scripted {
    script: Mutex<VecDeque<Act>>,
    /// Every mail it was given, however often.
    given: Mutex<Vec<NotificationId>>,
    gate: Semaphore,
}

#[async_trait]
impl Mailer for Scripted {
    async fn send(&self, mails: Vec<Mail>) -> Vec<Verdict> {
        self.given.lock().unwrap().extend(mails.iter().map(|mail| mail.id));
        let act = self.script.lock().unwrap().pop_front();
        match act {
            Some(Act::Answer(verdicts)) => verdicts,
            Some(Act::Panic) => panic!("as the script says"),
            Some(Act::Hold) => {
                self.gate.acquire().await.unwrap().forget();
                vec![Verdict::Sent; mails.len()]
            }
            None => vec![Verdict::Sent; mails.len()],
        }
    }

    fn pace(&self) -> Pace {
        PACE
    }
}

/// A courier at work, and everything around it.
pub(super) struct Post {
    pub(super) store: Arc<EmbeddedStore>,
    notifications: Notifications,
    mailer: Arc<Scripted>,
    feed: Feed,
    changes: Watch,
    tray: Tray,
    pub(super) clock: Clock,
    hand: Hand,
    pub(super) engine: Engine,
    pub(super) stop: CancellationToken,
    pub(super) at_work: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl Post {
    /// A post office whose courier has not come yet.
    pub(super) async fn open(script: impl IntoIterator<Item = Act>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
        let (clock, hand) = Clock::manual(UnixMillis(1_000_000));
        let store = Arc::new(EmbeddedStore::open(engine.clone(), clock.clone()).await.unwrap());
        let (feed, tray) = (Feed::default(), Tray::new(PACE));
        let templates = Arc::new(Templates::load().unwrap());
        let changes = feed.watch(None);
        let notifications =
            Notifications::new(store.clone(), templates, feed.clone(), tray.clone(), clock.clone());
        let script = Mutex::new(script.into_iter().collect());
        let mailer = Arc::new(Scripted { script, given: Mutex::default(), gate: Semaphore::new(0) });
        let (stop, at_work) = (CancellationToken::new(), None);
        Self {
            store,
            notifications,
            mailer,
            feed,
            changes,
            tray,
            clock,
            hand,
            engine,
            stop,
            at_work,
            _folder: folder,
        }
    }

    /// The courier comes to work.
    pub(super) fn begin(&mut self) {
        let (store, mailer) = (self.store.clone(), self.mailer.clone());
        let (templates, feed) = (Arc::new(Templates::load().unwrap()), self.feed.clone());
        let courier = Courier::new(store, mailer, templates, feed, self.tray.clone(), self.clock.clone());
        let stop = self.stop.clone();
        self.at_work = Some(tokio::spawn(async move { courier.run(stop).await }));
    }

    pub(super) async fn start(script: impl IntoIterator<Item = Act>) -> Self {
        let mut post = Self::open(script).await;
        post.begin();
        post
    }

    /// Takes a notification on.
    pub(super) async fn order(&self) -> NotificationId {
        let content = Content::Text(Text::parse("text", "Subject", "Body".to_owned()).unwrap());
        let recipient = Recipient::parse("recipient", "ada@example.org").unwrap();
        self.notifications.send(Order { user_id: Uuid::nil(), recipient, content }, None).await.unwrap().id
    }

    /// Waits until it is told that a notification is in this state.
    pub(super) async fn told(&mut self, state: State) -> Arc<Notification> {
        let told = async {
            loop {
                let change = self.changes.next().await.unwrap().unwrap();
                if change.state == state {
                    break change;
                }
            }
        };
        tokio::time::timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("nothing became {state:?}"))
    }

    /// Moves the clock and wakes the courier.
    pub(super) fn advance(&self, duration: Duration) {
        self.hand.advance(duration);
        self.tray.ring();
    }

    pub(super) fn given(&self) -> Vec<NotificationId> {
        self.mailer.given.lock().unwrap().clone()
    }

    pub(super) fn let_go(&self) {
        self.mailer.gate.add_permits(1);
    }

    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        self.at_work.take().unwrap().await.unwrap();
    }
}
