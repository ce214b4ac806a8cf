//! Who watches: every change of state, told to whoever listens now.

use std::sync::Arc;

use tokio::sync::broadcast;
use uuid::Uuid;

use crate::{domain::Notification, error::Error};

/// Changes that a watcher may be behind before it is told that it lost some.
const BEHIND_MAX: usize = 1_024;

/// Tells changes to watchers.
#[derive(Clone, Debug)]
pub struct Feed(broadcast::Sender<Arc<Notification>>);

impl Default for Feed {
    fn default() -> Self {
        Self(broadcast::Sender::new(BEHIND_MAX))
    }
}

impl Feed {
    /// Tells a change; costs next to nothing while nobody watches.
    pub fn tell(&self, notification: &Notification) {
        if self.0.receiver_count() > 0 {
            // The only error is that the last watcher has just left.
            let _ = self.0.send(Arc::new(notification.clone()));
        }
    }

    /// Watches the changes of one user's notifications, or of everybody's, from now on.
    #[must_use]
    pub fn watch(&self, user: Option<Uuid>) -> Watch {
        Watch { changes: self.0.subscribe(), user }
    }
}

/// A watcher.
#[derive(Debug)]
pub struct Watch {
    changes: broadcast::Receiver<Arc<Notification>>,
    user: Option<Uuid>,
}

impl Watch {
    /// The next change; `None` when the service stops.
    ///
    /// # Errors
    /// [`Error::WatchLagged`] when the watcher read too slowly.
    pub async fn next(&mut self) -> Result<Option<Arc<Notification>>, Error> {
        loop {
            match self.changes.recv().await {
                Ok(change) if self.user.is_none_or(|user| user == change.user_id) => return Ok(Some(change)),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(None),
                Err(broadcast::error::RecvError::Lagged(lost)) => return Err(Error::WatchLagged { lost }),
            }
        }
    }
}
