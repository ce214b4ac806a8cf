//! Calls that came together, begun together.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

/// How long a connection, or a task, works on new calls by itself. Whatever takes longer has tasks, and with them the
/// other threads of the runtime.
const ALONE: Duration = Duration::from_micros(200);

/// So many calls at most are read before they are begun: more would push each other out of the processor's caches.
pub(super) const MOST: usize = 32;

/// So many calls begin in one task.
const IN_A_TASK: usize = 16;

/// From so many calls on, the first half of them is answered before the second half is begun: the peer works on those
/// answers meanwhile. Fewer are answered before the peer has read the first of them.
const HALVED_FROM: usize = 8;

/// How many of the calls that came together are begun together. `is_rest`: part of them was begun before.
pub(super) fn share(calls: usize, is_rest: bool) -> usize {
    if calls < HALVED_FROM || is_rest { calls } else { calls / 2 }
}

/// The calls of a connection that are not begun by the connection itself, or have to wait.
#[derive(Clone, Debug)]
pub(super) struct Tasks {
    tracker: TaskTracker,
    waiting: Arc<AtomicUsize>,
}

impl Tasks {
    pub(super) fn new(tracker: TaskTracker) -> Self {
        Self { tracker, waiting: Arc::default() }
    }

    /// How many calls have a task of their own.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Begins calls, as many as there is time for. Each that must wait goes on in a task of its own, and those for which
    /// there is no time begin in tasks, several in each.
    pub(super) fn begin<F>(&self, mut calls: impl Iterator<Item = Pin<Box<F>>>)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.begin_in_time(&mut calls);
        loop {
            let some: Vec<_> = calls.by_ref().take(IN_A_TASK).collect();
            if some.is_empty() {
                return;
            }
            let tasks = self.clone();
            self.tracker.spawn(async move {
                let mut some = some.into_iter();
                tasks.begin_in_time(&mut some);
                some.for_each(|call| tasks.spawn(call));
            });
        }
    }

    fn begin_in_time<F>(&self, calls: &mut impl Iterator<Item = Pin<Box<F>>>)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let since = Instant::now();
        for mut call in calls {
            // A task polls it again at once, so no waker is lost.
            if call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                self.spawn(call);
            }
            if since.elapsed() >= ALONE {
                return;
            }
        }
    }

    fn spawn<F>(&self, call: Pin<Box<F>>)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.tracker.spawn(Waiting { call, _counted: Counted(Arc::clone(&self.waiting)) });
    }
}

pin_project! {
    /// The rest of a call.
    struct Waiting<F> {
        #[pin]
        call: Pin<Box<F>>,
        _counted: Counted,
    }
}

impl<F: Future<Output = ()>> Future for Waiting<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().call.poll(cx)
    }
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use tokio::{
        sync::Semaphore,
        task::yield_now,
        time::{advance, timeout},
    };

    use super::*;

    async fn until(is_so: impl Fn() -> bool) {
        let asked = async {
            while !is_so() {
                yield_now().await;
            }
        };
        timeout(Duration::from_secs(10), asked).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_waits_has_a_task_until_it_is_over() {
        let (tasks, gate) = (Tasks::new(TaskTracker::new()), Arc::new(Semaphore::new(0)));
        let call = |places| {
            let gate = Arc::clone(&gate);
            Box::pin(async move { gate.acquire_many(places).await.unwrap().forget() })
        };
        tasks.begin([call(0), call(1), call(1)].into_iter());
        assert_eq!(tasks.waiting(), 2);
        gate.add_permits(2);
        until(|| tasks.waiting() == 0).await;
    }

    #[tokio::test(start_paused = true)]
    async fn calls_for_which_there_is_no_time_begin_in_tasks() {
        let (tasks, begun) = (Tasks::new(TaskTracker::new()), Arc::new(AtomicUsize::new(0)));
        let call = || {
            let begun = Arc::clone(&begun);
            Box::pin(async move {
                begun.fetch_add(1, Ordering::Relaxed);
                advance(ALONE).await;
            })
        };
        tasks.begin(iter::repeat_with(call).take(2 * IN_A_TASK + 1));
        assert_eq!((begun.load(Ordering::Relaxed), tasks.tracker.len()), (1, 3));
        until(|| begun.load(Ordering::Relaxed) == 2 * IN_A_TASK + 1 && tasks.tracker.is_empty()).await;
        assert_eq!(tasks.waiting(), 0);
    }
}
