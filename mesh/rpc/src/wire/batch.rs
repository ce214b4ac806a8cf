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

/// How long a connection works on new calls by itself. Whatever takes longer has tasks, and with them the other threads
/// of the runtime.
const ALONE: Duration = Duration::from_micros(100);

/// From so many calls on, the first half of them is answered before the second half is begun: the peer works on those
/// answers meanwhile. Fewer are answered before the peer has read the first of them.
const HALVED_FROM: usize = 8;

/// How many of the calls that came together are begun together. `is_rest`: part of them was begun before.
pub(super) fn share(calls: usize, is_rest: bool) -> usize {
    if calls < HALVED_FROM || is_rest { calls } else { calls / 2 }
}

/// Begins each of `calls`; those that must wait, and those for which there is no time, go on in tasks that `spawn`
/// starts. `waiting` counts those tasks.
pub(super) fn begin<F>(
    calls: impl Iterator<Item = Pin<Box<F>>>,
    waiting: &Arc<AtomicUsize>,
    spawn: impl Fn(Spawned<F>),
) where
    F: Future<Output = ()>,
{
    let since = Instant::now();
    let mut is_in_time = true;
    for mut call in calls {
        if is_in_time {
            // A task polls it again at once, so no waker is lost.
            let begun = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            is_in_time = since.elapsed() < ALONE;
            if begun.is_ready() {
                continue;
            }
        }
        waiting.fetch_add(1, Ordering::Relaxed);
        spawn(Spawned { call, _counted: Counted(Arc::clone(waiting)) });
    }
}

pin_project! {
    /// The rest of a call.
    pub(crate) struct Spawned<F> {
        #[pin]
        call: Pin<Box<F>>,
        _counted: Counted,
    }
}

impl<F: Future<Output = ()>> Future for Spawned<F> {
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
