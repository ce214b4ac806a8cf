//! The courier: takes what was taken on here from its tray, claims what else is due, sends it, writes down what came of
//! it.

use std::{
    iter::repeat_with,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt as _, future::join_all};
use service_kit::clock::Clock;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Feed, Tray, tray::Held};
use crate::{
    domain::{Content, Notification, NotificationId, Verdict},
    mail::{Mail, Mailer},
    store::{NotificationStore, StoreError},
    templates::Templates,
};

/// The longest time between two looks into the queue. There is what others took on, what is to be tried again, and what
/// a caller left who went away between the commit and the bell.
const IDLE_MAX: Duration = Duration::from_secs(1);

/// The pause after the store failed to answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Sends what is due.
pub struct Courier {
    store: Arc<dyn NotificationStore>,
    mailer: Arc<dyn Mailer>,
    templates: Arc<Templates>,
    feed: Feed,
    tray: Tray,
    clock: Clock,
    /// When one of the lanes has to look into the queue.
    look_at: Mutex<Instant>,
}

/// What a lane does next.
enum Turn {
    /// Sends what was in the tray.
    Tray(Vec<Held>),
    /// Looks into the queue.
    Queue,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").finish_non_exhaustive()
    }
}

impl Courier {
    /// Sends what comes by `tray` and what else `store` has due through `mailer`.
    #[must_use]
    pub fn new(
        store: Arc<dyn NotificationStore>,
        mailer: Arc<dyn Mailer>,
        templates: Arc<Templates>,
        feed: Feed,
        tray: Tray,
        clock: Clock,
    ) -> Self {
        Self { store, mailer, templates, feed, tray, clock, look_at: Mutex::new(Instant::now()) }
    }

    /// Works until `shutdown`; what is on its way then is finished and written down, what is in the tray is left to
    /// others. The tray is closed then, for good.
    pub async fn run(&self, shutdown: CancellationToken) {
        let lanes = (0..self.mailer.pace().lanes).map(|_| self.lane(&shutdown));
        tokio::join!(join_all(lanes), self.leave(&shutdown));
    }

    /// Leaves what is in the tray to others as soon as nothing is begun any more, however long the lanes still take.
    async fn leave(&self, shutdown: &CancellationToken) {
        shutdown.cancelled().await;
        self.tray.close().await;
        loop {
            let rest = self.tray.take(self.mailer.pace().batch).await;
            if rest.is_empty() {
                break;
            }
            self.release(rest).await;
        }
    }

    async fn lane(&self, shutdown: &CancellationToken) {
        // Nobody waits for ever: while both have something, they are served in turn.
        let mut is_the_queues_turn = false;
        while let Some(turn) = self.turn(is_the_queues_turn, shutdown).await {
            is_the_queues_turn = matches!(turn, Turn::Tray(_));
            let done = match turn {
                Turn::Tray(held) => self.empty(held).await,
                Turn::Queue => self.look().await,
            };
            if let Err(error) = done {
                tracing::error!(error = %mesh_telemetry::chain(&error), "notifications cannot be sent now");
                self.look_again(STORE_PAUSE);
            }
        }
    }

    /// What is to be done next; nothing after `shutdown`.
    async fn turn(&self, is_the_queues_turn: bool, shutdown: &CancellationToken) -> Option<Turn> {
        if is_the_queues_turn && !shutdown.is_cancelled() && self.may_look() {
            return Some(Turn::Queue);
        }
        loop {
            let look_at = *self.look_at.lock().unwrap_or_else(PoisonError::into_inner);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                held = self.tray.take(self.mailer.pace().batch) => return Some(Turn::Tray(held)),
                () = self.tray.rung() => {
                    self.look_again(IDLE_MAX);
                    return Some(Turn::Queue);
                }
                () = sleep_until(look_at) => if self.may_look() {
                    return Some(Turn::Queue);
                }
            }
        }
    }

    /// Whether it is time to look into the queue and no other lane does.
    fn may_look(&self) -> bool {
        let mut look_at = self.look_at.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_time = *look_at <= now;
        if is_time {
            *look_at = now + IDLE_MAX;
        }
        is_time
    }

    fn look_again(&self, after: Duration) {
        *self.look_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + after;
    }

    /// Sends one claim.
    async fn look(&self) -> Result<(), StoreError> {
        let batch = self.mailer.pace().batch;
        let claimed = self.store.claim(self.clock.now(), batch).await?;
        if claimed.is_empty() {
            self.look_again(self.until_due().await);
            return Ok(());
        }
        self.look_again(Duration::ZERO);
        if claimed.len() == batch {
            // There may be more: work for another lane.
            self.tray.ring();
        }
        self.send(claimed).await
    }

    /// Sends what was in the tray, but for what has been there for too long.
    async fn empty(&self, held: Vec<Held>) -> Result<(), StoreError> {
        let (in_time, late) = held.into_iter().partition::<Vec<_>, _>(Held::is_in_time);
        let now = self.clock.now();
        let in_time = in_time.into_iter().map(|held| held.notification.sending(now)).collect();
        // Those that are in time do not wait until the others are given back.
        let give_back = async {
            if !late.is_empty() {
                self.release(late).await;
                self.tray.ring();
            }
        };
        tokio::join!(self.send(in_time), give_back).0
    }

    async fn release(&self, untried: Vec<Held>) {
        self.store.release(untried.into_iter().map(|held| held.notification.id).collect()).await;
    }

    /// Sends what this instance has leased, and writes down what came of it.
    async fn send(&self, claimed: Vec<Notification>) -> Result<(), StoreError> {
        if claimed.is_empty() {
            return Ok(());
        }
        let count = claimed.len();
        let (mut mails, mut tried) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for notification in claimed {
            self.feed.tell_sending(&notification);
            match self.write(&notification) {
                Ok(mail) => mails.push(mail),
                Err(error) => tried.push((notification.id, Verdict::Permanent(error))),
            }
        }
        fail::fail_point!("mail.before-send");
        tried.extend(self.post(mails).await);
        fail::fail_point!("mail.after-send");
        let settled = self.store.settle(tried, self.clock.now()).await?;
        fail::fail_point!("mail.after-record");
        for notification in settled {
            self.feed.tell(&notification);
            if !notification.last_error.is_empty() {
                // Not why: a relay's answer names the recipient. GetNotification tells it.
                tracing::warn!(
                    notification.id = %notification.id, notification.state = ?notification.state,
                    attempts = notification.attempts, "notification {} was not sent", notification.id,
                );
            }
        }
        Ok(())
    }

    /// Hands mails to the mailer. One without an answer, because the mailer panicked or lost it, may have been
    /// sent: it is tried again, like every mail of which that can be said.
    async fn post(&self, mails: Vec<Mail>) -> Vec<(NotificationId, Verdict)> {
        if mails.is_empty() {
            return Vec::new();
        }
        let ids: Vec<NotificationId> = mails.iter().map(|mail| mail.id).collect();
        let answered = AssertUnwindSafe(self.mailer.send(mails)).catch_unwind().await;
        let (verdicts, lost) = match answered {
            Ok(verdicts) => (verdicts, "the mailer gave no answer"),
            Err(_) => (Vec::new(), "the mailer panicked"),
        };
        let verdicts = verdicts.into_iter().chain(repeat_with(|| Verdict::Transient(lost.to_owned())));
        ids.into_iter().zip(verdicts).collect()
    }

    fn write(&self, notification: &Notification) -> Result<Mail, String> {
        let (id, recipient) = (notification.id, notification.recipient.clone());
        match &notification.content {
            Content::Text(text) => Ok(Mail {
                id,
                recipient,
                subject: text.subject().to_owned(),
                text: text.body().to_owned(),
                html: None,
            }),
            Content::Template { name, parameters } => {
                let rendered = self.templates.render(name, parameters).map_err(|error| error.to_string())?;
                Ok(Mail {
                    id,
                    recipient,
                    subject: rendered.subject,
                    text: rendered.text,
                    html: Some(rendered.html),
                })
            }
        }
    }

    async fn until_due(&self) -> Duration {
        match self.store.next_due().await {
            Ok(Some(due)) => Duration::from_millis(due.0.saturating_sub(self.clock.now().0)).min(IDLE_MAX),
            Ok(None) => IDLE_MAX,
            Err(_) => STORE_PAUSE,
        }
    }
}
