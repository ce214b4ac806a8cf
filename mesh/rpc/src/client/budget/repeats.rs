//! The share of repeats.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    BudgetConfig,
    window::{SLOTS, Window},
};
use crate::bug::Bug;

/// Bounds the repeats of the last ten seconds by the calls of the last ten seconds.
///
/// A repeat is charged when it is decided on, before its wait: those parked in backoff weigh as much as those on
/// the wire, and a burst of failures cannot overshoot (Envoy #30205). Of threads that ask for the last one at
/// the same moment one may be refused too many, but never one be let through too many.
#[derive(Debug)]
pub(in crate::client) struct RepeatBudget {
    calls: Window,
    repeats: Window,
    begun: Instant,
    tick_nanos: u64,
    ratio: f64,
    reserve: u64,
}

impl RepeatBudget {
    pub(in crate::client) fn new(config: &BudgetConfig) -> Self {
        let reserve = f64::from(config.min_per_second) * config.window.as_secs_f64();
        Self {
            calls: Window::default(),
            repeats: Window::default(),
            begun: Instant::now(),
            tick_nanos: nanos(config.window / SLOTS).max(1),
            ratio: config.ratio,
            reserve: reserve as u64,
        }
    }

    /// Counts a call that could be repeated.
    pub(in crate::client) fn call(&self) {
        self.calls.add(self.tick());
    }

    /// Takes one repeat. False: there is none left, and nothing was taken.
    pub(in crate::client) fn take(&self) -> bool {
        let tick = self.tick();
        if !self.repeats.add(tick) {
            return false;
        }
        let earned = (self.calls.sum(tick) as f64 * self.ratio) as u64;
        let within = self.repeats.sum(tick) <= earned.saturating_add(self.reserve);
        if within || Bug::RetryWithoutBudget.is_here() {
            return true;
        }
        self.repeats.take_back(tick);
        false
    }

    /// Gives back one that was taken a moment ago and not used.
    pub(in crate::client) fn give_back(&self) {
        self.repeats.take_back(self.tick());
    }

    fn tick(&self) -> u32 {
        u32::try_from(nanos(self.begun.elapsed()) / self.tick_nanos).unwrap_or(u32::MAX)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn budget() -> RepeatBudget {
        RepeatBudget::new(&BudgetConfig::default())
    }

    fn taken(budget: &RepeatBudget) -> usize {
        (0..10_000).take_while(|_| budget.take()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn without_calls_there_are_ten_repeats_a_second() {
        let budget = budget();
        assert_eq!(taken(&budget), 100);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(taken(&budget), 0);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(taken(&budget), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fifth_of_the_calls_of_ten_seconds_may_be_repeated() {
        let budget = RepeatBudget::new(&BudgetConfig { min_per_second: 0, ..BudgetConfig::default() });
        assert_eq!(taken(&budget), 0);
        for _ in 0..10 {
            (0..100).for_each(|_| budget.call());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        // The first of the ten seconds is just over.
        assert_eq!(taken(&budget), 180);
        tokio::time::advance(Duration::from_secs(10)).await;
        (0..4).for_each(|_| budget.call());
        assert_eq!(taken(&budget), 0);
        budget.call();
        assert_eq!(taken(&budget), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_used_comes_back() {
        let budget = budget();
        assert_eq!(taken(&budget), 100);
        budget.give_back();
        assert_eq!(taken(&budget), 1);
    }

    #[test]
    fn threads_together_never_take_more_than_there_is() {
        let window = BudgetConfig { window: Duration::from_secs(3_600), ..BudgetConfig::default() };
        let config = BudgetConfig { min_per_second: 1, ..window };
        let budget = Arc::new(RepeatBudget::new(&config));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let budget = Arc::clone(&budget);
                std::thread::spawn(move || (0..3_000).filter(|_| budget.take()).count())
            })
            .collect();
        let taken: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert!((3_590..=3_600).contains(&taken), "{taken}");
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_two_that_ask_for_the_last_one_do_not_both_get_it() {
        // All of it within one tick: a moment of the real clock is not a day.
        let day = Duration::from_secs(24 * 60 * 60);
        let config = BudgetConfig { window: day, min_per_second: 0, ratio: 1.0 };
        loom::model(move || {
            let budget = Arc::new(RepeatBudget::new(&config));
            budget.call();
            let other = Arc::clone(&budget);
            let other = thread::spawn(move || other.take());
            let one = budget.take();
            assert!(!(one && other.join().unwrap()));
            assert!(budget.repeats.sum(0) <= 1);
        });
    }
}
