//! Where a call is on its way, so that its deadline can say where the time went.
//!
//! Like [`attempt`](super::attempt) it is told upwards within a poll, and allocates nothing. A call that goes straight
//! through writes one entry, with the time that its load is measured from anyway: only who waits looks at the clock
//! for it.

use std::{cell::Cell, net::SocketAddr};

use tokio::time::Instant;

use crate::error::{Spent, Stage};

/// The way of a call so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trail {
    spent: Spent,
    /// Since when it has been where it is.
    since: Option<Instant>,
}

impl Trail {
    const EMPTY: Self = Self { spent: Spent::UNKNOWN, since: None };

    fn go(&mut self, stage: Stage, now: Instant) {
        self.close(now);
        self.spent.waited_for = Some(stage);
        self.since = Some(now);
    }

    fn close(&mut self, now: Instant) {
        if let (Some(stage), Some(since)) = (self.spent.waited_for, self.since) {
            self.spent.add(stage, now.saturating_duration_since(since));
        }
    }

    /// The head of the answer came; what is left to wait for is its body. Without a look at the clock: the time from
    /// the sending on counts as that of the body.
    pub(super) fn answered(&mut self) {
        self.spent.waited_for = Some(Stage::Body);
    }

    /// What it says at the call's deadline.
    pub(crate) fn at(mut self, deadline: Instant) -> Spent {
        self.close(deadline);
        self.spent
    }
}

thread_local! {
    /// Of the call that this thread is polling.
    static TRAIL: Cell<Trail> = const { Cell::new(Trail::EMPTY) };
}

/// The call that is being polled waits for something from now on.
pub(super) fn waits(stage: Stage) {
    let mut trail = TRAIL.get();
    if trail.spent.waited_for != Some(stage) {
        trail.go(stage, Instant::now());
        TRAIL.set(trail);
    }
}

/// The call that is being polled was sent.
pub(super) fn sent(endpoint: SocketAddr, now: Instant) {
    let mut trail = TRAIL.get();
    trail.go(Stage::Answer, now);
    trail.spent.endpoint = Some(endpoint);
    trail.spent.attempts = trail.spent.attempts.saturating_add(1);
    TRAIL.set(trail);
}

/// Polls a call, and notes where it goes meanwhile.
pub(super) fn follow<T>(trail: &mut Trail, poll: impl FnOnce() -> T) -> T {
    let outer = TRAIL.replace(*trail);
    let polled = poll();
    *trail = TRAIL.replace(outer);
    polled
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_stage_has_its_time_and_the_last_one_has_the_rest() {
        let endpoint = ([10, 0, 0, 1], 1).into();
        let mut trail = Trail::default();
        follow(&mut trail, || waits(Stage::Connect));
        advance(Duration::from_millis(100)).await;
        follow(&mut trail, || sent(endpoint, Instant::now()));
        advance(Duration::from_millis(200)).await;
        follow(&mut trail, || waits(Stage::Backoff));
        advance(Duration::from_millis(30)).await;
        follow(&mut trail, || sent(endpoint, Instant::now()));
        advance(Duration::from_millis(70)).await;
        let spent = trail.at(Instant::now());
        let stages =
            [Stage::Resolve, Stage::Connect, Stage::Queue, Stage::Backoff, Stage::Answer, Stage::Body];
        assert_eq!(stages.map(|stage| spent.millis(stage)), [0, 100, 0, 30, 270, 0]);
        assert_eq!(
            (spent.waited_for, spent.endpoint, spent.attempts),
            (Some(Stage::Answer), Some(endpoint), 2)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn to_wait_on_for_the_same_is_one_wait() {
        let mut trail = Trail::default();
        for _ in 0..3 {
            follow(&mut trail, || waits(Stage::Queue));
            advance(Duration::from_millis(10)).await;
        }
        assert_eq!(trail.at(Instant::now()).millis(Stage::Queue), 30);
    }

    #[test]
    fn what_one_call_does_is_not_told_of_another() {
        let (mut outer, mut inner) = (Trail::default(), Trail::default());
        follow(&mut outer, || follow(&mut inner, || sent(([10, 0, 0, 1], 1).into(), Instant::now())));
        assert_eq!((outer.spent.attempts, inner.spent.attempts), (0, 1));
    }
}
