//! Marks on their way: while one set is written, the next batch is published.

use std::sync::Arc;

use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use crate::{Outbox, OutboxError, OutboxKey};

/// Events that are on the bus and have to be marked so. One set is written at a time; what is published meanwhile is
/// the next one.
pub(super) struct Marks {
    outbox: Arc<dyn Outbox>,
    /// Being written.
    writing: Vec<OutboxKey>,
    task: Option<AbortOnDropHandle<Result<(), OutboxError>>>,
    waiting: Vec<OutboxKey>,
}

/// What became of a set.
pub(super) enum Marked {
    /// They are marked.
    Done,
    /// They may be marked or not.
    Failed(Vec<OutboxKey>, MarkError),
}

/// Why it is unknown whether a set is marked.
#[derive(Debug, thiserror::Error)]
pub(super) enum MarkError {
    #[error(transparent)]
    Outbox(OutboxError),
    #[error("marking was cut off")]
    CutOff(#[source] JoinError),
}

// === impl Marks ===

impl Marks {
    pub(super) fn new(outbox: Arc<dyn Outbox>) -> Self {
        Self { outbox, writing: Vec::new(), task: None, waiting: Vec::new() }
    }

    /// These are on the bus.
    pub(super) fn add(&mut self, keys: Vec<OutboxKey>) {
        self.waiting.extend(keys);
        self.begin();
    }

    /// Whether nothing is left to be marked.
    pub(super) fn is_idle(&self) -> bool {
        self.task.is_none()
    }

    /// How many wait for the set that is being written.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Everything that is on the bus and may not be marked yet.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = OutboxKey> {
        self.writing.iter().chain(&self.waiting).copied()
    }

    /// Waits until a set is settled, and begins with the next one; never ends while there is none. Giving up the wait
    /// loses nothing.
    pub(super) async fn next(&mut self) -> Marked {
        let Some(task) = &mut self.task else { return std::future::pending().await };
        let marked = task.await;
        self.task = None;
        let keys = std::mem::take(&mut self.writing);
        self.begin();
        match marked {
            Ok(Ok(())) => Marked::Done,
            Ok(Err(error)) => Marked::Failed(keys, MarkError::Outbox(error)),
            Err(error) => Marked::Failed(keys, MarkError::CutOff(error)),
        }
    }

    fn begin(&mut self) {
        if self.task.is_some() || self.waiting.is_empty() {
            return;
        }
        self.writing = std::mem::take(&mut self.waiting);
        let (outbox, keys) = (Arc::clone(&self.outbox), self.writing.clone());
        // A task, so that it goes on whatever the relay waits for.
        let task = tokio::spawn(async move { outbox.mark_published(&keys).await });
        self.task = Some(AbortOnDropHandle::new(task));
    }
}
