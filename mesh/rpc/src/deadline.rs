//! One deadline per logical call.
//!
//! A deadline is a point in time, not a span of it: it is set once, and everything done for the call, here and
//! in the services it calls, is measured against it. The server stack puts the deadline of the call it handles
//! into a task-local; the client stack finds it there and sends what is left of it on. So it shrinks hop by hop
//! without any handler passing it along.
//!
//! A task-local ends at `tokio::spawn`: work that moves to another task takes the deadline with it by
//! [`current`] and [`scope`].

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

tokio::task_local! {
    static CURRENT: Option<Deadline>;
}

/// When a call must be over, on tokio's clock. What is sooner is smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline at `instant`.
    pub const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// The deadline `budget` from now; `None` when that is beyond what the clock can count.
    pub fn after(budget: Duration) -> Option<Self> {
        Instant::now().checked_add(budget).map(Self)
    }

    /// The point in time.
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// What is left of it; zero once it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn is_past(self) -> bool {
        self.0 <= Instant::now()
    }

    /// The sooner of two deadlines that may be missing.
    pub(crate) fn sooner(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}

/// The deadline of the call that this task is working on, if it has one.
pub fn current() -> Option<Deadline> {
    CURRENT.try_with(|deadline| *deadline).ok().flatten()
}

/// Runs `future` under `deadline`: calls it makes carry what is left of it.
///
/// An inner scope can only shorten: the sooner of `deadline` and [`current`] holds. The scope does not stop
/// `future` when the deadline passes; the calls it makes fail.
pub async fn scope<F: Future>(deadline: Deadline, future: F) -> F::Output {
    CURRENT.scope(Deadline::sooner(Some(deadline), current()), future).await
}

/// Polls something of a call under that call's deadline, which is nobody's child.
pub(crate) fn enter<T>(deadline: Option<Deadline>, poll: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(deadline, poll)
}

pin_project! {
    /// Wakes a task when a deadline passes.
    ///
    /// Most calls are over before they wait for anything: the timer is made, and the clock's lock taken, only
    /// when somebody really waits.
    #[derive(Debug)]
    pub(crate) struct Alarm {
        deadline: Option<Deadline>,
        #[pin]
        timer: Option<Sleep>,
    }
}

impl Alarm {
    pub(crate) fn new(deadline: Option<Deadline>) -> Self {
        Self { deadline, timer: None }
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Whether the deadline has passed, without waiting for it.
    pub(crate) fn is_past(&self) -> bool {
        self.deadline.is_some_and(Deadline::is_past)
    }

    /// Ready once the deadline has passed; never without one.
    pub(crate) fn poll_past(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(deadline) = *this.deadline else { return Poll::Pending };
        if this.timer.is_none() {
            this.timer.set(Some(sleep_until(deadline.instant())));
        }
        match this.timer.as_mut().as_pin_mut() {
            Some(timer) => timer.poll(cx),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_scope_can_only_shorten() {
        assert_eq!(current(), None);
        let near = Deadline::after(Duration::from_secs(1)).unwrap();
        let far = Deadline::after(Duration::from_secs(9)).unwrap();
        scope(near, async {
            assert_eq!(current(), Some(near));
            scope(far, async { assert_eq!(current(), Some(near)) }).await;
        })
        .await;
        scope(far, scope(near, async { assert_eq!(current(), Some(near)) })).await;
        assert_eq!(current(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_shrinks_to_zero() {
        let deadline = Deadline::after(Duration::from_millis(30)).unwrap();
        tokio::time::advance(Duration::from_millis(10)).await;
        assert_eq!(deadline.remaining(), Duration::from_millis(20));
        assert!(!deadline.is_past());
        tokio::time::advance(Duration::from_millis(30)).await;
        assert_eq!(deadline.remaining(), Duration::ZERO);
        assert!(deadline.is_past());
    }

    #[test]
    fn a_budget_beyond_the_clock_is_no_deadline() {
        assert_eq!(Deadline::after(Duration::MAX), None);
    }
}
