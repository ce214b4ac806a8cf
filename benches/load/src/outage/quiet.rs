//! Waiting until everything that was to come has come.

use std::time::Duration;

use anyhow::Context as _;
use mesh_rig::{management::Management, smtp::Mailbox};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

/// How long the mails may take once nobody creates users any more.
const MAILS: Duration = Duration::from_secs(180);
/// How long the queues may take after that.
const QUEUES: Duration = Duration::from_secs(60);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(200);

/// Waits until so many different mails have arrived; answers when that was, if they have.
pub(super) async fn mails(mailbox: &Mailbox, count: usize) -> Option<Instant> {
    let all = async {
        while mailbox.counts().await.len() < count {
            sleep(LOOK).await;
        }
        Instant::now()
    };
    timeout(MAILS, all).await.ok()
}

/// Waits until the broker holds no event any more, ready, out or waiting.
pub(super) async fn queues(management: &Management, vhost: &str) -> anyhow::Result<()> {
    let path = format!("/api/queues/{vhost}?columns=messages");
    let empty = async {
        loop {
            let queues: Vec<Value> = management.get(&path).await?;
            // A queue that is new has no number yet.
            if queues.iter().all(|queue| queue["messages"] == 0) {
                return anyhow::Ok(());
            }
            sleep(LOOK).await;
        }
    };
    timeout(QUEUES, empty).await.context("there are still events in queues")?
}
