//! Spans that wait for an exporter.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use super::Span;
use crate::metrics::Counter;

/// How many spans wait at most. More are dropped and counted: whoever serves calls never waits for an exporter.
pub const SPANS_MAX: usize = 4_096;

/// Spans that wait for an exporter. The lock is held to move a span, never while one is sent.
#[derive(Debug, Default)]
pub struct SpanQueue {
    waiting: Mutex<VecDeque<Span>>,
    /// Whether there is an exporter.
    open: AtomicBool,
    /// From this many on an exporter is woken before its time.
    many: Notify,
    recorded: Counter,
    dropped: Counter,
}

/// As many spans as go out at once.
pub(crate) const BATCH: usize = 512;

impl SpanQueue {
    /// Whether spans are worth making: somebody takes them.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Keeps spans from now on, for whoever [takes](Self::take) them.
    pub fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }

    /// Keeps no more spans; those that wait can still be taken.
    pub fn close(&self) {
        self.open.store(false, Ordering::Relaxed);
    }

    /// Adds a span that is over, if there is room.
    pub(super) fn push(&self, span: Span) {
        if !self.is_open() {
            return;
        }
        let mut waiting = self.lock();
        if waiting.len() >= SPANS_MAX {
            drop(waiting);
            self.dropped.one();
            return;
        }
        waiting.push_back(span);
        let many = waiting.len() >= BATCH;
        drop(waiting);
        self.recorded.one();
        if many {
            self.many.notify_one();
        }
    }

    /// Takes up to `most` spans, the oldest first.
    pub fn take(&self, most: usize) -> Vec<Span> {
        let mut waiting = self.lock();
        let many = waiting.len().min(most);
        waiting.drain(..many).collect()
    }

    /// Spans that wait.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Spans that were queued so far.
    pub fn recorded(&self) -> u64 {
        self.recorded.get()
    }

    /// Spans that were dropped so far: for want of room, or because no collector took them.
    pub fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// Counts spans that no collector took.
    pub(crate) fn lost(&self, spans: usize) {
        self.dropped.add(spans as u64);
    }

    /// Waits until a batch is full.
    pub(crate) async fn is_many(&self) {
        self.many.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Span>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        TraceContext,
        spans::{Recording, SpanKind, SpanStatus},
    };

    fn record(queue: &Arc<SpanQueue>, name: String) {
        let context = TraceContext::root();
        let recording = Recording::begin(queue, context, None, name, SpanKind::Internal);
        recording.end(Duration::from_millis(1), SpanStatus::Ok);
    }

    #[test]
    fn what_has_no_room_is_dropped_and_counted() {
        let queue = Arc::new(SpanQueue::default());
        record(&queue, "nobody listens".to_owned());
        assert!(queue.is_empty());
        queue.open();
        for number in 0..SPANS_MAX + 7 {
            record(&queue, number.to_string());
        }
        assert_eq!((queue.len(), queue.recorded(), queue.dropped()), (SPANS_MAX, SPANS_MAX as u64, 7));
        let first = queue.take(2);
        assert_eq!(first.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["0", "1"]);
        queue.close();
        assert_eq!(queue.take(usize::MAX).len(), SPANS_MAX - 2);
    }

    #[test]
    fn a_span_that_is_dropped_is_kept_too() {
        let queue = Arc::new(SpanQueue::default());
        queue.open();
        drop(Recording::begin(&queue, TraceContext::root(), None, "a".to_owned(), SpanKind::Client));
        assert_eq!(queue.take(1)[0].status, SpanStatus::Unset);
    }
}
