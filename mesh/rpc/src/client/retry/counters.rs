//! What attempts came to, by method.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::client::attempt::MOST_ATTEMPTS;

/// The most repeats of a call.
const MOST: usize = MOST_ATTEMPTS as usize - 1;

/// Plain counts, which an exporter reads; gRFC A96 has their names.
#[derive(Debug, Default)]
pub(in crate::client) struct Counters {
    attempts: AtomicU64,
    retries: [AtomicU64; MOST],
    hedges: [AtomicU64; MOST],
    transparent_retries: AtomicU64,
    retry_delay_nanos: AtomicU64,
    held_back: AtomicU64,
}

/// How often calls of one method were attempted since the channel was built. Of methods that are never repeated
/// nothing is counted here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptCounts {
    /// Attempts that were handed to a connection, transparent retries apart
    /// (`grpc.client.attempt.started`).
    pub attempts: u64,
    /// Calls that had one, two, three, four retries (`grpc.client.call.retries`).
    pub retries: [u64; MOST],
    /// Calls that had one, two, three, four hedges (`grpc.client.call.hedges`).
    pub hedges: [u64; MOST],
    /// What was sent once more because no server had seen it (`grpc.client.call.transparent_retries`).
    pub transparent_retries: u64,
    /// What calls spent waiting before retries, together (`grpc.client.call.retry_delay`).
    pub retry_delay: Duration,
    /// Repeats that the contract allowed and the budget or the throttle did not.
    pub held_back: u64,
}

/// What one call came to.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::client) struct Tally {
    pub(in crate::client) attempts: u32,
    pub(in crate::client) retries: u32,
    pub(in crate::client) hedges: u32,
    pub(in crate::client) transparent_retries: u32,
    pub(in crate::client) retry_delay: Duration,
    pub(in crate::client) held_back: bool,
}

impl Counters {
    /// Counts a call that is over.
    pub(in crate::client) fn add(&self, tally: &Tally) {
        let add = |counter: &AtomicU64, value: u64| {
            if value > 0 {
                counter.fetch_add(value, Ordering::Relaxed);
            }
        };
        add(&self.attempts, tally.attempts.into());
        for (counters, count) in [(&self.retries, tally.retries), (&self.hedges, tally.hedges)] {
            if let Some(at) = (count as usize).min(MOST).checked_sub(1) {
                add(&counters[at], 1);
            }
        }
        add(&self.transparent_retries, tally.transparent_retries.into());
        add(&self.retry_delay_nanos, u64::try_from(tally.retry_delay.as_nanos()).unwrap_or(u64::MAX));
        add(&self.held_back, tally.held_back.into());
    }

    pub(in crate::client) fn read(&self) -> AttemptCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        AttemptCounts {
            attempts: read(&self.attempts),
            retries: self.retries.each_ref().map(read),
            hedges: self.hedges.each_ref().map(read),
            transparent_retries: read(&self.transparent_retries),
            retry_delay: Duration::from_nanos(read(&self.retry_delay_nanos)),
            held_back: read(&self.held_back),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_how_often_they_were_repeated() {
        let counters = Counters::default();
        counters.add(&Tally { attempts: 1, ..Tally::default() });
        for _ in 0..2 {
            let retry_delay = Duration::from_millis(5);
            counters.add(&Tally { attempts: 3, retries: 2, retry_delay, ..Tally::default() });
        }
        counters.add(&Tally { attempts: 2, hedges: 1, transparent_retries: 3, ..Tally::default() });
        counters.add(&Tally { held_back: true, ..Tally::default() });
        let expected = AttemptCounts {
            attempts: 9,
            retries: [0, 2, 0, 0],
            hedges: [1, 0, 0, 0],
            transparent_retries: 3,
            retry_delay: Duration::from_millis(10),
            held_back: 1,
        };
        assert_eq!(counters.read(), expected);
    }
}
