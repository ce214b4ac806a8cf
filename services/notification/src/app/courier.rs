//! The courier: claims what is due, sends it, writes down what came of it.

use std::{iter::repeat_with, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use service_kit::clock::Clock;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Feed;
use crate::{
    domain::{Content, Notification, NotificationId, Verdict},
    mail::{Mail, Mailer},
    store::{NotificationStore, StoreError},
    templates::Templates,
};

/// The longest sleep. The bell is rung after the commit, so a caller who went away in between has left a
/// notification that nobody announced.
const IDLE_MAX: Duration = Duration::from_secs(1);

/// The pause after the store failed to answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Sends what is due.
pub struct Courier {
    store: Arc<dyn NotificationStore>,
    mailer: Arc<dyn Mailer>,
    templates: Arc<Templates>,
    feed: Feed,
    bell: Arc<Notify>,
    clock: Clock,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").finish_non_exhaustive()
    }
}

impl Courier {
    /// Sends what `store` has due through `mailer`, woken by `bell`.
    #[must_use]
    pub fn new(
        store: Arc<dyn NotificationStore>,
        mailer: Arc<dyn Mailer>,
        templates: Arc<Templates>,
        feed: Feed,
        bell: Arc<Notify>,
        clock: Clock,
    ) -> Self {
        Self { store, mailer, templates, feed, bell, clock }
    }

    /// Works until `shutdown`; what is on its way then is finished and written down.
    pub async fn run(&self, shutdown: CancellationToken) {
        let lanes = (0..self.mailer.pace().lanes).map(|_| self.lane(&shutdown));
        futures_util::future::join_all(lanes).await;
    }

    async fn lane(&self, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            let pause = match self.round().await {
                Ok(0) => self.until_due().await,
                Ok(_) => continue,
                Err(error) => {
                    tracing::error!(
                        error = %mesh_telemetry::chain(&error),
                        "notifications cannot be sent now"
                    );
                    STORE_PAUSE
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.bell.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Sends one claim; answers how many there were.
    async fn round(&self) -> Result<usize, StoreError> {
        let claimed = self.store.claim(self.clock.now(), self.mailer.pace().batch).await?;
        if claimed.is_empty() {
            return Ok(0);
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
        Ok(count)
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
