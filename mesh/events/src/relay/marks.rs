//! Marks on their way: while one set is written, the next batch is published.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinError,
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{Outbox, OutboxError, OutboxKey};

/// Events that are on the bus and have to be marked so. One set is written at a time; what is published meanwhile, and
/// until the next one is due, is the next one.
pub(super) struct Marks {
    outbox: Arc<dyn Outbox>,
    every: Duration,
    /// So many do not wait until they are due.
    many: usize,
    due: Instant,
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
    pub(super) fn new(outbox: Arc<dyn Outbox>, every: Duration, many: usize) -> Self {
        let due = Instant::now();
        Self { outbox, every, many, due, writing: Vec::new(), task: None, waiting: Vec::new() }
    }

    /// These are on the bus.
    pub(super) fn add(&mut self, keys: Vec<OutboxKey>) {
        self.waiting.extend(keys);
        self.begin_if_due();
    }

    /// From now on nothing waits until it is due.
    pub(super) fn hurry(&mut self) {
        self.every = Duration::ZERO;
        self.due = Instant::now();
        self.begin_if_due();
    }

    /// Whether nothing is left to be marked.
    pub(super) fn is_idle(&self) -> bool {
        self.task.is_none() && self.waiting.is_empty()
    }

    /// How many wait for the next set.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Everything that is on the bus and may not be marked yet.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = OutboxKey> {
        self.writing.iter().chain(&self.waiting).copied()
    }

    /// Waits until a set is settled, and begins with the next one when it is due; never ends while there is none. Giving
    /// up the wait loses nothing.
    pub(super) async fn next(&mut self) -> Marked {
        let task = loop {
            match &mut self.task {
                Some(task) => break task,
                None if self.waiting.is_empty() => std::future::pending().await,
                None => {
                    sleep_until(self.due).await;
                    self.begin();
                }
            }
        };
        let marked = task.await;
        self.task = None;
        let keys = std::mem::take(&mut self.writing);
        self.begin_if_due();
        match marked {
            Ok(Ok(())) => Marked::Done,
            Ok(Err(error)) => Marked::Failed(keys, MarkError::Outbox(error)),
            Err(error) => Marked::Failed(keys, MarkError::CutOff(error)),
        }
    }

    fn begin_if_due(&mut self) {
        let is_due = self.waiting.len() >= self.many || Instant::now() >= self.due;
        if self.task.is_none() && !self.waiting.is_empty() && is_due {
            self.begin();
        }
    }

    fn begin(&mut self) {
        self.due = Instant::now() + self.every;
        self.writing = std::mem::take(&mut self.waiting);
        let (outbox, keys) = (Arc::clone(&self.outbox), self.writing.clone());
        // A task, so that it goes on whatever the relay waits for.
        let task = tokio::spawn(async move { outbox.mark_published(&keys).await });
        self.task = Some(AbortOnDropHandle::new(task));
    }
}
