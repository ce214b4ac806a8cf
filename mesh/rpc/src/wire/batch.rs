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

/// Begins each of `calls`; those that must wait, and those for which there is no time, go on in tasks that `spawn`
/// starts. `waiting` counts those tasks.
pub(super) fn begin<F>(calls: &mut Vec<Pin<Box<F>>>, waiting: &Arc<AtomicUsize>, spawn: impl Fn(Spawned<F>))
where
    F: Future<Output = ()>,
{
    let since = Instant::now();
    let mut is_in_time = true;
    for mut call in calls.drain(..) {
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
