//! A high quantile of a method's latencies, as it is now and as it usually is.
//!
//! Latencies go to the newer of two windows. Once a second one of the threads that record looks at both: the
//! quantile of what they hold is the method's, as soon as there are enough of them. Every five seconds the older
//! window is cleared and becomes the newer one; each time the usual quantile moves a sixtieth of the way to
//! the present one, so it forgets in about five minutes.
//!
//! No lock: a latency that is recorded in the moment in which windows change may count in the wrong one, or not.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    HedgeConfig,
    buckets::{Buckets, quantile},
};
use crate::atomic::{AtomicU64, AtomicUsize, Ordering};

const LOOK_MILLIS: u64 = 1_000;
const TURN_MILLIS: u64 = 5_000;
/// How many turns the usual quantile remembers.
const MEMORY: u64 = 60;

/// What to expect of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Usual {
    /// Too few answers so far.
    Unknown,
    /// Nearly all answers take less.
    Below(Duration),
    /// Answers take much longer than usual, whoever gives them.
    Slow,
}

/// Learns the latencies of one method.
#[derive(Debug)]
pub(in crate::client) struct Sketch {
    config: HedgeConfig,
    windows: [Buckets; 2],
    newer: AtomicUsize,
    begun: Instant,
    /// In milliseconds since `begun`.
    next_look: AtomicU64,
    next_turn: AtomicU64,
    /// In nanoseconds; zero is unknown.
    present: AtomicU64,
    usual: AtomicU64,
}

impl Sketch {
    pub(in crate::client) fn new(config: HedgeConfig) -> Self {
        Self {
            config,
            windows: [Buckets::default(), Buckets::default()],
            newer: AtomicUsize::new(0),
            begun: Instant::now(),
            next_look: AtomicU64::new(LOOK_MILLIS),
            next_turn: AtomicU64::new(TURN_MILLIS),
            present: AtomicU64::new(0),
            usual: AtomicU64::new(0),
        }
    }

    /// Learns that an answer took `latency`.
    pub(in crate::client) fn record(&self, latency: Duration) {
        self.record_at(u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX), latency);
    }

    /// `now` is in milliseconds since `begun`.
    fn record_at(&self, now: u64, latency: Duration) {
        // With the store below: who counts in a window that has begun anew counts after it was cleared.
        self.windows[self.newer.load(Ordering::Acquire)].add(latency);
        let due = self.next_look.load(Ordering::Relaxed);
        // Who moves the time of the next look is the one who looks.
        let mine = |due| {
            let next = now.saturating_add(LOOK_MILLIS);
            self.next_look.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        if now >= due && mine(due) {
            self.look(now);
        }
    }

    /// What to expect of the next answer.
    pub(in crate::client) fn usual(&self) -> Usual {
        let (present, usual) = (self.present.load(Ordering::Relaxed), self.usual.load(Ordering::Relaxed));
        match present {
            0 => Usual::Unknown,
            _ if usual > 0 && present as f64 > usual as f64 * self.config.slow_factor => Usual::Slow,
            _ => Usual::Below(Duration::from_nanos(present)),
        }
    }

    fn look(&self, now: u64) {
        let (total, present) = quantile(&self.windows[0], &self.windows[1], self.config.quantile);
        if total < u64::from(self.config.answers_min) {
            return;
        }
        let present = u64::try_from(present.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.present.store(present, Ordering::Relaxed);
        if now < self.next_turn.load(Ordering::Relaxed) {
            return;
        }
        self.next_turn.store(now.saturating_add(TURN_MILLIS), Ordering::Relaxed);
        let usual = match self.usual.load(Ordering::Relaxed) {
            0 => present,
            usual => usual - usual / MEMORY + present / MEMORY,
        };
        self.usual.store(usual.max(1), Ordering::Relaxed);
        let older = 1 - self.newer.load(Ordering::Relaxed);
        self.windows[older].clear();
        self.newer.store(older, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred answers in a second, of which seven take `slow`.
    async fn second(sketch: &Sketch, fast: Duration, slow: Duration) {
        for index in 0..100 {
            sketch.record(if index < 7 { slow } else { fast });
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        sketch.record(fast);
    }

    fn sketch() -> Sketch {
        Sketch::new(HedgeConfig::default())
    }

    const MILLI: Duration = Duration::from_millis(1);

    fn below(sketch: &Sketch) -> f64 {
        match sketch.usual() {
            Usual::Below(latency) => latency.as_secs_f64() * 1_000.0,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn fewer_than_a_hundred_answers_say_nothing() {
        let sketch = sketch();
        for _ in 0..9 {
            (0..10).for_each(|_| sketch.record(MILLI));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(sketch.usual(), Usual::Unknown);
        (0..10).for_each(|_| sketch.record(MILLI));
        tokio::time::advance(Duration::from_secs(1)).await;
        sketch.record(MILLI);
        assert!((1.0..1.2).contains(&below(&sketch)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_95th_percentile_is_there_after_a_second() {
        let sketch = sketch();
        second(&sketch, MILLI, 80 * MILLI).await;
        assert!((80.0..=90.0).contains(&below(&sketch)), "{:?}", sketch.usual());
    }

    #[tokio::test(start_paused = true)]
    async fn twice_as_slow_as_usual_is_slow_and_becomes_usual_in_time() {
        let sketch = sketch();
        for _ in 0..20 {
            second(&sketch, 10 * MILLI, 10 * MILLI).await;
        }
        for _ in 0..3 {
            second(&sketch, 10 * MILLI, 50 * MILLI).await;
        }
        // Three seconds of them are 21 of about 900.
        assert!(matches!(sketch.usual(), Usual::Below(_)), "{:?}", sketch.usual());
        for _ in 0..10 {
            second(&sketch, 50 * MILLI, 50 * MILLI).await;
        }
        assert_eq!(sketch.usual(), Usual::Slow);
        for _ in 0..600 {
            second(&sketch, 50 * MILLI, 50 * MILLI).await;
        }
        assert!((50.0..=57.0).contains(&below(&sketch)), "{:?}", sketch.usual());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_two_windows_old_is_forgotten() {
        let sketch = sketch();
        second(&sketch, 80 * MILLI, 80 * MILLI).await;
        for _ in 0..11 {
            second(&sketch, MILLI, MILLI).await;
        }
        assert!(below(&sketch) < 1.2, "{:?}", sketch.usual());
    }

    #[test]
    fn threads_record_together() {
        let sketch = sketch();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| sketch.record(MILLI)));
            }
        });
        let (total, _) = quantile(&sketch.windows[0], &sketch.windows[1], 0.95);
        assert_eq!(total, 40_000);
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    /// A look reads every bucket of both windows.
    fn model(test: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.max_branches = 10_000;
        builder.check(test);
    }

    fn sketch() -> Sketch {
        Sketch::new(HedgeConfig { answers_min: 1, ..HedgeConfig::default() })
    }

    fn total(sketch: &Sketch) -> u64 {
        quantile(&sketch.windows[0], &sketch.windows[1], 0.95).0
    }

    #[test]
    fn loom_two_that_are_due_look_once_and_lose_nothing() {
        model(|| {
            let sketch = Arc::new(sketch());
            let other = Arc::clone(&sketch);
            let other = thread::spawn(move || other.record_at(LOOK_MILLIS, MILLI));
            sketch.record_at(LOOK_MILLIS, MILLI);
            other.join().unwrap();
            assert_eq!(total(&sketch), 2);
            assert!(matches!(sketch.usual(), Usual::Below(_)));
            assert_eq!(sketch.next_look.load(Ordering::Relaxed), 2 * LOOK_MILLIS);
        });
    }

    #[test]
    fn loom_windows_turn_once_and_what_comes_meanwhile_is_kept() {
        model(|| {
            let sketch = Arc::new(sketch());
            let other = Arc::clone(&sketch);
            let other = thread::spawn(move || other.record_at(TURN_MILLIS, MILLI));
            sketch.record_at(TURN_MILLIS, MILLI);
            other.join().unwrap();
            assert_eq!(sketch.newer.load(Ordering::Relaxed), 1);
            // Both went to the window that is the older one now, or one of them to the new one, after it was cleared.
            assert_eq!(total(&sketch), 2);
            assert!(sketch.usual.load(Ordering::Relaxed) > 0);
        });
    }
}
