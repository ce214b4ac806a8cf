//! The count of calls in flight, and what their times do to the limit.

use std::time::Duration;

use mesh_policy::Criticality;
use tokio::time::Instant;

use super::{
    LoadShedConfig,
    gradient::{Gradient2, Window},
    usual::Sample,
};
use crate::{
    atomic::{AtomicU32, AtomicU64, Mutex, Ordering::Relaxed},
    calls::{Calls, Counted},
};

/// The shortest and the longest window; in between twice the usual time of a call, so that what a limit does shows
/// in the window after.
const SHORTEST: Duration = Duration::from_millis(25);
const LONGEST: Duration = Duration::from_secs(1);
/// A window with fewer calls goes on (Netflix: 10).
const SAMPLES_MIN: u64 = 10;
/// While less than a quarter of the limit is used, and so many calls of a window were timed already, ...
const ENOUGH: u64 = 32;
/// ... one call of so many is timed.
const SAMPLED: u64 = 8;
/// No sample counts more, in microseconds: so many of them as come in a window fit in a word.
const LONGEST_SAMPLE: u64 = 60_000_000;

/// Where the number of samples begins in `samples`; below are their times.
const COUNT: u32 = 44;

/// Says of each call whether it is too much. A call costs an atomic addition when it comes and one when it goes, and
/// if it is timed two looks at the clock and two additions more. Whoever ends a window moves the limit; nobody waits
/// for that.
#[derive(Debug)]
pub(in crate::server) struct Limiter {
    calls: Calls,
    limit: AtomicU32,
    /// The most calls in flight that a timed call of this window has met.
    peak: AtomicU32,
    /// Calls turned away in this window.
    shed: AtomicU32,
    /// Whether a tenth of the calls of the last window were turned away.
    is_bad: AtomicU32,
    /// How many calls of this window were timed.
    timed: AtomicU64,
    /// By method.
    times: Box<[Times]>,
    /// When this window may end, in nanoseconds since `epoch`.
    ends: AtomicU64,
    /// Calls of each class turned away so far.
    shed_so_far: [AtomicU64; 3],
    moving: Mutex<Moving>,
    epoch: Instant,
    is_enabled: bool,
}

/// What is known of a method.
#[derive(Debug)]
struct Times {
    /// The times of this window's calls, in microseconds, and above them how many.
    samples: AtomicU64,
    /// How long calls usually take, in microseconds.
    usual: AtomicU64,
}

#[derive(Debug)]
struct Moving {
    gradient: Gradient2,
    /// Of the window that ends.
    samples: Vec<Sample>,
    /// When this window began, in nanoseconds since the epoch.
    began: u64,
}

/// The share of the limit that is there for a class, in percent. What is left above the lower classes is room for a
/// burst of the higher ones, even at the smallest limit.
const fn share(class: Criticality) -> u64 {
    match class {
        Criticality::Sheddable => 60,
        Criticality::Default => 75,
        Criticality::Critical => 100,
    }
}

/// How a call was let in.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Admitted {
    /// Calls in flight, this one included.
    pub(super) in_flight: u32,
    /// Whether it is to be timed.
    pub(super) is_timed: bool,
}

/// What a call is told that is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Overload {
    /// A few calls are too many: later there may be room.
    Brief,
    /// Much is too much: nobody should come again with the same call.
    Lasting,
}

impl Limiter {
    /// A limit for calls of so many methods.
    pub(in crate::server) fn new(config: &LoadShedConfig, methods: usize) -> Self {
        let times = || Times { samples: AtomicU64::new(0), usual: AtomicU64::new(0) };
        let moving = Moving {
            gradient: Gradient2::new(config, methods),
            samples: Vec::with_capacity(methods),
            began: 0,
        };
        Self {
            calls: Calls::default(),
            limit: AtomicU32::new(config.initial_limit),
            peak: AtomicU32::new(0),
            shed: AtomicU32::new(0),
            is_bad: AtomicU32::new(0),
            timed: AtomicU64::new(0),
            times: (0..methods).map(|_| times()).collect(),
            ends: AtomicU64::new(0),
            shed_so_far: [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)],
            moving: Mutex::new(moving),
            epoch: Instant::now(),
            is_enabled: config.enabled,
        }
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.calls.in_flight() as u32
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit.load(Relaxed)
    }

    pub(super) fn shed_of(&self, class: Criticality) -> u64 {
        self.shed_so_far[class as usize].load(Relaxed)
    }

    /// Lets a call in, unless there are as many as its class may have.
    pub(in crate::server) fn admit(&self, class: Criticality) -> Result<Admitted, Overload> {
        let limit = u64::from(self.limit());
        let most = if self.is_enabled { limit * share(class) / 100 } else { u64::from(u32::MAX - 1) };
        // A class of which nothing is in flight is never without any room.
        let Some(Counted { number, in_flight }) = self.calls.take(most.max(1) as usize) else {
            return Err(self.turn_away(class));
        };
        let in_flight = in_flight as u32;
        let is_timed = u64::from(in_flight) * 4 > limit
            || u64::from(number).is_multiple_of(SAMPLED)
            || self.timed.load(Relaxed) < ENOUGH;
        Ok(Admitted { in_flight, is_timed })
    }

    fn turn_away(&self, class: Criticality) -> Overload {
        self.shed_so_far[class as usize].fetch_add(1, Relaxed);
        let shed = self.shed.fetch_add(1, Relaxed).saturating_add(1);
        // While nothing is answered no window ends, and what was turned away says enough.
        let is_lasting = self.is_bad.load(Relaxed) != 0 || shed > self.limit() / 10;
        if is_lasting { Overload::Lasting } else { Overload::Brief }
    }

    /// A call is over.
    pub(super) fn give_back(&self) {
        self.calls.give_back();
    }

    /// A call of a method that is timed was answered, or nobody waits for it any more.
    ///
    /// A failure, and a call that its caller has left, may have been fast for reasons of their own: they count only
    /// when they took longer than is usual.
    pub(super) fn sample(&self, method: usize, admitted: Admitted, since: Instant, went_well: bool) {
        let now = Instant::now();
        self.sample_at(nanos(now - self.epoch), method, admitted.in_flight, now - since, went_well);
    }

    fn sample_at(&self, now: u64, method: usize, in_flight: u32, took: Duration, went_well: bool) {
        let Some(times) = self.times.get(method) else { return };
        let took = u64::try_from(took.as_micros()).unwrap_or(LONGEST_SAMPLE).min(LONGEST_SAMPLE);
        if !went_well && took <= times.usual.load(Relaxed) {
            return;
        }
        if self.peak.load(Relaxed) < in_flight {
            self.peak.fetch_max(in_flight, Relaxed);
        }
        times.samples.fetch_add((1 << COUNT) | took, Relaxed);
        let count = self.timed.fetch_add(1, Relaxed) + 1;
        if count >= SAMPLES_MIN && now >= self.ends.load(Relaxed) {
            self.end_window(now);
        }
    }

    fn end_window(&self, now: u64) {
        // Who is already at it, is at it.
        let Ok(mut moving) = self.moving.try_lock() else { return };
        if now < self.ends.load(Relaxed) {
            return;
        }
        let count = self.timed.swap(0, Relaxed);
        let Moving { gradient, samples, began } = &mut *moving;
        samples.clear();
        samples.extend(self.times.iter().enumerate().filter_map(|(method, times)| times.take(method)));
        if samples.is_empty() {
            return;
        }
        let shed = self.shed.swap(0, Relaxed);
        gradient.update(Window {
            samples,
            peak: self.peak.swap(0, Relaxed),
            shed: shed > 0,
            lasted: seconds(now.saturating_sub(*began)),
            now: seconds(now),
        });
        *began = now;
        for sample in &*samples {
            let usual = gradient.usual(sample.method);
            self.times[sample.method].usual.store(micros(usual), Relaxed);
        }
        let usual = gradient.usual(most(samples));
        self.is_bad.store(u32::from(u64::from(shed) * 10 > u64::from(shed) + count), Relaxed);
        self.ends.store(now + nanos((usual * 2).clamp(SHORTEST, LONGEST)), Relaxed);
        self.limit.store(gradient.limit(), Relaxed);
    }
}

impl Times {
    /// The calls of the window that ends, if there were any.
    fn take(&self, method: usize) -> Option<Sample> {
        let samples = self.samples.swap(0, Relaxed);
        let (count, sum) = (samples >> COUNT, samples & ((1 << COUNT) - 1));
        (count > 0).then(|| Sample { method, count, rtt: sum as f64 / count as f64 / 1e6 })
    }
}

/// The method of which there were the most calls: how long a window is follows it.
fn most(samples: &[Sample]) -> usize {
    samples.iter().max_by_key(|sample| sample.count).map_or(0, |sample| sample.method)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criticality::CLASSES;

    fn limiter(initial_limit: u32) -> Limiter {
        Limiter::new(&LoadShedConfig { initial_limit, min_limit: 24, ..LoadShedConfig::default() }, 1)
    }

    /// How many calls of a class are let in one after the other.
    fn fill(limiter: &Limiter, class: Criticality) -> usize {
        (0..10_000).take_while(|_| limiter.admit(class).is_ok()).count()
    }

    #[test]
    fn each_class_has_its_share_and_the_highest_all_of_it() {
        let limiter = limiter(100);
        let let_in = CLASSES.map(|class| fill(&limiter, class));
        assert_eq!(let_in, [60, 15, 25]);
        assert_eq!(CLASSES.map(|class| limiter.shed_of(class)), [1, 1, 1]);
        assert_eq!(limiter.in_flight(), 100);
        (0..41).for_each(|_| limiter.give_back());
        assert_eq!(CLASSES.map(|class| limiter.admit(class).is_ok()), [true, true, true]);
    }

    #[test]
    fn nothing_is_turned_away_where_that_is_switched_off() {
        let config = LoadShedConfig { enabled: false, ..LoadShedConfig::default() };
        assert_eq!(fill(&Limiter::new(&config, 1), Criticality::Sheddable), 10_000);
    }

    #[test]
    fn one_call_of_eight_is_timed_once_there_are_enough_and_until_a_quarter_of_the_limit_is_used() {
        let limiter = limiter(1_000);
        let timed = |calls: u32| {
            (0..calls).filter(|_| limiter.admit(Criticality::Critical).unwrap().is_timed).count()
        };
        assert_eq!(timed(8), 8, "nothing is known yet");
        limiter.timed.store(ENOUGH, Relaxed);
        assert_eq!(timed(232), 29);
        timed(10);
        assert_eq!(timed(100), 100);
    }

    #[test]
    fn a_few_that_are_too_many_may_come_again_and_many_may_not() {
        let limiter = limiter(100);
        fill(&limiter, Criticality::Critical);
        // One was turned away.
        let told: Vec<_> = (0..20).map(|_| limiter.admit(Criticality::Default).unwrap_err()).collect();
        assert_eq!(told.iter().filter(|told| **told == Overload::Brief).count(), 9);
        assert_eq!(told.last(), Some(&Overload::Lasting));
    }

    #[test]
    fn a_window_ends_by_its_time_and_with_enough_calls() {
        let limiter = limiter(100);
        let sample = |millis: u64| {
            limiter.sample_at(millis * 1_000_000, 0, 100, Duration::from_millis(2), true);
        };
        (0..9).for_each(|_| sample(1));
        assert_eq!(limiter.limit(), 100, "nine calls are too few");
        sample(1);
        assert_eq!(limiter.limit(), 102);
        (0..50).for_each(|_| sample(25));
        assert_eq!(limiter.limit(), 102, "25 ms are not over");
        sample(26);
        assert_eq!(limiter.limit(), 104);
    }

    #[test]
    fn failures_count_when_they_are_slow() {
        let limiter = limiter(100);
        let sample = |millis: u64, took: u64, went_well| {
            let took = Duration::from_millis(took);
            (0..10).for_each(|_| limiter.sample_at(millis * 1_000_000, 0, 100, took, went_well));
        };
        sample(1, 8, true);
        sample(100, 1, false);
        assert_eq!(limiter.timed.load(Relaxed), 0);
        sample(200, 80, false);
        assert!(limiter.limit() < 102, "{}", limiter.limit());
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_one_of_two_gets_the_last_place() {
        loom::model(|| {
            let config = LoadShedConfig { min_limit: 1, initial_limit: 1, ..LoadShedConfig::default() };
            let limiter = Arc::new(Limiter::new(&config, 1));
            let other = Arc::clone(&limiter);
            let other = thread::spawn(move || other.admit(Criticality::Critical).is_ok());
            let one = limiter.admit(Criticality::Critical).is_ok();
            assert!(one != other.join().unwrap());
            assert_eq!((limiter.in_flight(), limiter.shed_of(Criticality::Critical)), (1, 1));
        });
    }

    #[test]
    fn loom_a_window_is_ended_once_and_no_sample_is_lost() {
        loom::model(|| {
            let limiter = Arc::new(Limiter::new(&LoadShedConfig::default(), 1));
            let took = Duration::from_micros(500);
            (0..8).for_each(|_| limiter.sample_at(1, 0, 1_000, took, true));
            let other = Arc::clone(&limiter);
            let other = thread::spawn(move || {
                other.sample_at(1, 0, 1_000, took, true);
                other.sample_at(1, 0, 1_000, took, true);
            });
            limiter.sample_at(1, 0, 1_000, took, true);
            limiter.sample_at(1, 0, 1_000, took, true);
            other.join().unwrap();
            let left = limiter.times[0].samples.load(Relaxed);
            // Of twelve, ten at least were in the window that ended; each left counts with its own time.
            assert!(left >> COUNT <= 2);
            assert_eq!(left & ((1 << COUNT) - 1), (left >> COUNT) * 500);
            // 2,000 and a fifth of its root, once.
            assert_eq!(limiter.limit(), 2_008);
        });
    }
}
