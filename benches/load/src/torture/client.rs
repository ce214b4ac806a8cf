//! A client: one operation at a time, each tried until its outcome is known or patience ends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::ProgressBar;
use mesh_rig::history::{Answer, Call};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::{Instant, sleep};

use super::{api::Api, choice::choose, doubt::Outcome, journal::Journal, outcome::name, pools::Pools};

/// The wait before the second try; it doubles, up to the longest one, give or take a half.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(400);

/// How a client goes about a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Whether a call in doubt is tried again, under its request id. One that was never sent is in any case.
    pub(super) retries: bool,
    /// No try begins later than this after the first one.
    pub(super) patience: Duration,
}

/// What all clients share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) journal: Arc<Journal>,
    pub(super) pools: Pools,
    /// Operations that nobody has begun yet.
    pub(super) left: AtomicU64,
    pub(super) progress: ProgressBar,
    /// How long a client rests between two operations, about.
    pub(super) rest: Duration,
}

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    number: u32,
    api: Api,
    manner: Manner,
    rng: StdRng,
    /// Calls so far; with the number it makes names that nobody else uses.
    calls: u64,
}

impl Client {
    /// A client whose choices are drawn from `seed` and its number.
    pub(super) fn new(number: u32, api: Api, manner: Manner, seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed.wrapping_add(u64::from(number)));
        Self { number, api, manner, rng, calls: 0 }
    }

    /// Does operations until none are left.
    pub(super) async fn work(mut self, shared: Arc<Shared>) {
        let take = |left: u64| left.checked_sub(1);
        while shared.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            let unique = self.unique();
            let call = choose(&mut self.rng, &shared.pools, &unique);
            shared.pools.asked(&mut self.rng, &call);
            if let Some(answer) = self.perform(&call, &unique, &shared.journal).await {
                shared.pools.answered(&mut self.rng, &call, &answer);
            }
            shared.progress.inc(1);
            if !shared.rest.is_zero() {
                sleep(shared.rest.mul_f64(self.rng.random_range(0.5..1.5))).await;
            }
        }
    }

    /// A name that nobody else uses.
    pub(super) fn unique(&mut self) -> String {
        self.calls += 1;
        format!("{}-{}", self.number, self.calls)
    }

    /// Does one operation, and writes down what became of it.
    pub(super) async fn perform(&mut self, call: &Call, unique: &str, journal: &Journal) -> Option<Answer> {
        let op = journal.invoke(self.number, call);
        match self.settle(call, unique).await {
            Outcome::Done(answer) => {
                journal.done(op, answer.clone());
                return Some(answer);
            }
            Outcome::Refused(code, reason) => journal.refused(op, name(code), reason),
            Outcome::Unknown(code) => journal.unknown(op, name(code)),
        }
        None
    }

    /// Tries until the outcome is known, or for as long as its manner says.
    async fn settle(&mut self, call: &Call, unique: &str) -> Outcome {
        let (begin, mut wait, mut doubt) = (Instant::now(), FIRST_WAIT, self.api.doubt());
        loop {
            let status = match self.api.call(call, unique).await {
                Ok(answer) => return Outcome::Done(answer),
                Err(status) => status,
            };
            if let Some(outcome) = doubt.decided_by(&status) {
                return outcome;
            }
            let may_try = self.manner.retries || !doubt.is_any();
            if !may_try || begin.elapsed() >= self.manner.patience {
                return doubt.given_up_after(&status);
            }
            sleep(wait.mul_f64(self.rng.random_range(0.5..1.5))).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}
