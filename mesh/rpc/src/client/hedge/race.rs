//! Attempts of one call beside each other.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::client::attempt::{self, MOST_ATTEMPTS, Told, Tried};

/// Up to five attempts, in the order in which they were sent. Dropping it cancels those that are under way.
pub(super) struct Race<F> {
    lanes: [Option<Runner<F>>; MOST_ATTEMPTS as usize],
    /// Where attempts went that are over.
    over: Tried,
}

struct Runner<F> {
    future: F,
    told: Told,
}

/// An attempt that is over.
pub(super) struct Finished<T> {
    pub(super) lane: u32,
    pub(super) result: T,
    pub(super) told: Told,
}

impl<F: Future + Unpin> Race<F> {
    pub(super) fn new(first: F) -> Self {
        let mut race = Self { lanes: [const { None }; MOST_ATTEMPTS as usize], over: Tried::default() };
        race.start(0, first);
        race
    }

    /// Adds an attempt; `lane` is how many were before it.
    pub(super) fn start(&mut self, lane: u32, future: F) {
        self.lanes[lane as usize] = Some(Runner { future, told: Told::default() });
    }

    /// Where all attempts went.
    pub(super) fn tried(&self) -> Tried {
        let mut tried = self.over;
        let under_way = self.lanes.iter().flatten().filter_map(|runner| runner.told.picked);
        under_way.for_each(|address| tried.add(address));
        tried
    }

    /// The next attempt that is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Finished<F::Output>> {
        for (lane, place) in (0..).zip(self.lanes.iter_mut()) {
            let Some(runner) = place else { continue };
            let Runner { future, told } = runner;
            if let Poll::Ready(result) = attempt::watch(told, || Pin::new(future).poll(cx)) {
                let told = *told;
                told.picked.into_iter().for_each(|address| self.over.add(address));
                *place = None;
                return Poll::Ready(Finished { lane, result, told });
            }
        }
        Poll::Pending
    }
}
