//! How many calls at once: Gradient2 as a function of what was measured.

use std::time::Duration;

use super::{
    LoadShedConfig,
    usual::{Sample, Usual, WARM_UP, weight},
};

/// How much longer calls may take than they usually do before the limit falls (Netflix: 1.5).
const TOLERANCE: f64 = 1.5;
/// The weight of a new limit against the old one (Netflix: 0.2).
const SMOOTHING: f64 = 0.2;
/// No window changes the limit by more than half of it, before smoothing.
const STEEPEST: f64 = 0.5;
/// How long the usual times remember (Netflix: 600 windows, of at least a second each there).
const LONG: Duration = Duration::from_secs(30);
/// The same while calls are turned away: what they take then is queueing, most probably, and must not become the
/// usual.
const LONG_UNDER_LOAD: Duration = Duration::from_secs(600);
/// The same at the floor of the limit: so few calls queue for little, and what they take is what they take.
const LONG_AT_FLOOR: Duration = Duration::from_secs(2);
/// The limit leaves its floor when calls take no more than so many times what they usually do.
const LEARNED: f64 = 1.1;
/// How many times as many calls as were no trouble lately are always let in.
const ROOM: f64 = 2.0;
/// How soon it is learned that more calls at once are no trouble, once usual times are known, ...
const CROWD_GROWS: Duration = Duration::from_secs(2);
/// ... and how soon that is forgotten.
const CROWD_SHRINKS: Duration = Duration::from_secs(120);

/// What was measured in a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    /// The times to an answer, of each method of which there was one.
    pub(super) samples: &'a [Sample],
    /// The most calls in flight.
    pub(super) peak: u32,
    /// Whether calls were turned away.
    pub(super) shed: bool,
    /// How long it lasted, in seconds.
    pub(super) lasted: f64,
    /// When it ended, in seconds since some epoch.
    pub(super) now: f64,
}

/// Netflix' `Gradient2Limit` (concurrency-limits): the limit follows the ratio of how long calls usually take to how
/// long they take now, and `√limit` more, which is the queue that it allows. No time is spent on measuring an
/// unloaded server.
///
/// Other than there windows may be short, so averages are over time, not over windows. Each method has a usual time of
/// its own, and what counts is the mean of how many times as long each call took: more of the slow methods are no
/// queue. And usual times learn slowly while calls are turned away: Netflix' follow a lasting overload until they take it
/// for the usual. A server that has really become slower is found out at the floor of the limit, where there is hardly
/// any queue.
///
/// And what takes less than five milliseconds is never slow (CoDel's target): of calls that take microseconds a few hundred
/// at once make a queue of milliseconds, which is no overload.
///
/// That floor is twice as many calls as were there lately without trouble, but for `min_limit`: callers that have always
/// been sixty at once do not queue for each other when what they wait for becomes slow.
///
/// There the limit changes only while half of it is used. Here it begins high, so it falls also when fewer calls are
/// very slow: with short deadlines no more than a few are ever in flight, and all of them too late. And it comes back to
/// where it began while calls are fast: a burst after some trouble is as harmless as one before.
#[derive(Debug)]
pub(super) struct Gradient2 {
    limit: f64,
    methods: Box<[Usual]>,
    windows: u32,
    /// How many calls at once were no trouble lately.
    crowd: f64,
    initial: f64,
    min: f64,
    max: f64,
}

impl Gradient2 {
    /// For calls of so many methods.
    pub(super) fn new(config: &LoadShedConfig, methods: usize) -> Self {
        Self {
            limit: f64::from(config.initial_limit),
            methods: vec![Usual::default(); methods].into(),
            windows: 0,
            crowd: 0.0,
            initial: f64::from(config.initial_limit),
            min: f64::from(config.min_limit),
            max: f64::from(config.max_limit),
        }
    }

    /// How many calls at once.
    pub(super) fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// How long calls of a method usually take; zero before anything is known.
    pub(super) fn usual(&self, method: usize) -> Duration {
        self.methods.get(method).map_or(Duration::ZERO, Usual::time)
    }

    /// A window is over.
    pub(super) fn update(&mut self, window: Window<'_>) {
        let peak = f64::from(window.peak);
        let floor = self.floor();
        // Calls that came when there were more of them tell of the queue that they met.
        let is_at_floor = self.limit <= floor && peak <= floor;
        let is_learning = is_at_floor && window.shed && self.slowness(window.samples) > LEARNED;
        self.learn(window, is_learning);
        if is_learning {
            return;
        }
        let slowness = self.slowness(window.samples);
        self.meet(window, slowness);
        let gradient = (TOLERANCE / slowness).clamp(STEEPEST, 1.0);
        let is_used = window.shed || peak >= self.limit / 2.0;
        let judged = if is_used || (gradient == 1.0 && self.limit < self.initial) {
            self.limit
        } else if gradient == STEEPEST && peak > floor {
            // As many calls as there were have made calls so slow: what the limit allows beyond has not.
            peak
        } else {
            return;
        };
        let next = gradient * judged + self.limit.sqrt();
        let smooth = self.limit * (1.0 - SMOOTHING) + next * SMOOTHING;
        self.limit = smooth.clamp(self.floor(), self.max);
    }

    fn floor(&self) -> f64 {
        (self.crowd * ROOM).clamp(self.min, self.max)
    }

    /// How many times as long as usual the calls of a window took, on average.
    fn slowness(&self, samples: &[Sample]) -> f64 {
        let times = samples.iter().filter_map(|sample| {
            let usual = self.methods.get(sample.method)?;
            Some((sample.count as f64, usual.slowness(sample.rtt)))
        });
        let (count, sum) = times.fold((0.0, 0.0), |(count, sum), (calls, slowness)| {
            (count + calls, calls.mul_add(slowness, sum))
        });
        if count > 0.0 { sum / count } else { 1.0 }
    }

    fn learn(&mut self, window: Window<'_>, at_floor: bool) {
        let slower = if window.shed { LONG_UNDER_LOAD } else { LONG };
        let memory = if at_floor { [LONG_AT_FLOOR; 2] } else { [LONG, slower] };
        for sample in window.samples {
            if let Some(usual) = self.methods.get_mut(sample.method) {
                usual.learn(sample.rtt, window.now, memory);
            }
        }
    }

    /// Learns how many calls at once are no trouble.
    fn meet(&mut self, window: Window<'_>, slowness: f64) {
        self.windows = self.windows.saturating_add(1);
        if self.windows <= WARM_UP || window.shed || slowness > TOLERANCE {
            return;
        }
        let peak = f64::from(window.peak);
        let memory = if peak > self.crowd { CROWD_GROWS } else { CROWD_SHRINKS };
        self.crowd += (peak - self.crowd) * weight(window.lasted, memory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(initial_limit: u32) -> Gradient2 {
        Gradient2::new(&LoadShedConfig { initial_limit, min_limit: 24, ..LoadShedConfig::default() }, 2)
    }

    /// A window of a tenth of a second in which calls of the first method took so long.
    fn see(gradient: &mut Gradient2, millis: f64, peak: u32, shed: bool) {
        see_all(gradient, &[(0, 1, millis)], peak, shed);
    }

    fn see_all(gradient: &mut Gradient2, calls: &[(usize, u64, f64)], peak: u32, shed: bool) {
        let samples: Vec<_> = calls
            .iter()
            .map(|&(method, count, millis)| Sample { method, count, rtt: millis / 1e3 })
            .collect();
        let now = f64::from(gradient.windows) / 10.0;
        gradient.update(Window { samples: &samples, peak, shed, lasted: 0.1, now });
    }

    /// Has seen calls of ten milliseconds.
    fn learned(limit: u32) -> Gradient2 {
        let mut gradient = gradient(limit);
        (0..WARM_UP).for_each(|_| see(&mut gradient, 10.0, 0, false));
        gradient
    }

    #[test]
    fn the_limit_grows_by_a_fifth_of_its_root_while_calls_are_as_fast_as_ever() {
        let mut gradient = learned(100);
        see(&mut gradient, 10.0, 100, false);
        assert_eq!(gradient.limit, 102.0);
        see(&mut gradient, 14.9, 100, false);
        let next = 102.0 + 0.2 * 102.0_f64.sqrt();
        assert!((gradient.limit - next).abs() < 1e-9, "half as long again is no queue");
    }

    #[test]
    fn the_limit_falls_by_a_tenth_at_most_less_the_queue_it_allows() {
        for millis in [40.0, 4_000.0] {
            let mut gradient = learned(100);
            see(&mut gradient, millis, 100, true);
            assert_eq!(gradient.limit, 0.8 * 100.0 + 0.2 * (50.0 + 10.0), "{millis}");
        }
    }

    #[test]
    fn a_limit_that_is_not_half_used_stays() {
        let mut gradient = learned(100);
        see(&mut gradient, 10.0, 49, false);
        see(&mut gradient, 19.0, 49, false);
        assert_eq!(gradient.limit(), 100);
        see(&mut gradient, 19.0, 50, false);
        assert!(gradient.limit() < 100);
    }

    #[test]
    fn a_limit_that_is_not_used_falls_when_calls_are_very_slow_and_comes_back() {
        let mut gradient = learned(2_000);
        let before = gradient.limit;
        see(&mut gradient, 400.0, 24, false);
        assert_eq!(gradient.limit, before, "so few calls are no queue");
        see(&mut gradient, 400.0, 300, false);
        assert_eq!(gradient.limit, 0.8 * before + 0.2 * (150.0 + before.sqrt()));
        // Within some twelve seconds of short windows.
        (0..500).for_each(|_| see(&mut gradient, 10.0, 5, false));
        assert!((2_000..2_020).contains(&gradient.limit()), "{}", gradient.limit());
    }

    #[test]
    fn the_limit_stays_within_its_bounds() {
        let mut gradient = learned(100);
        (0..50).for_each(|_| see(&mut gradient, 400.0, 100, true));
        assert_eq!(gradient.limit(), 24);
        let mut gradient = learned(9_990);
        (0..10).for_each(|_| see(&mut gradient, 10.0, 9_990, false));
        assert_eq!(gradient.limit(), 10_000);
    }

    #[test]
    fn more_of_a_slow_method_is_no_queue() {
        let mut gradient = learned(100);
        (0..WARM_UP).for_each(|_| see_all(&mut gradient, &[(0, 99, 10.0), (1, 1, 2_000.0)], 0, false));
        see_all(&mut gradient, &[(0, 10, 10.0), (1, 90, 2_000.0)], 100, false);
        assert_eq!(gradient.limit, 102.0);
        // One very slow call among many is none, either.
        see_all(&mut gradient, &[(0, 99, 10.0), (1, 1, 40_000.0)], 100, false);
        assert!(gradient.limit > 102.0);
        see_all(&mut gradient, &[(0, 90, 40.0), (1, 10, 8_000.0)], 100, true);
        assert!(gradient.limit < 100.0, "{}", gradient.limit);
    }

    #[test]
    fn as_many_calls_as_were_no_trouble_lately_are_let_in_twice_however_slow_they_become() {
        let mut gradient = learned(1_000);
        (0..100).for_each(|_| see(&mut gradient, 10.0, 60, false));
        let crowd = 60.0 * (1.0 - (-5.0_f64).exp());
        assert!((gradient.crowd - crowd).abs() < 0.01, "{}", gradient.crowd);
        (0..50).for_each(|_| see(&mut gradient, 400.0, 1_000, true));
        assert_eq!(gradient.limit, 2.0 * gradient.crowd);
        assert!((gradient.crowd - crowd).abs() < 0.01, "an overload teaches nothing");
    }

    #[test]
    fn what_is_usual_is_learned_slowly_under_load_and_quickly_at_the_floor() {
        let usual_after_ten_seconds = |limit, shed| {
            let mut gradient = learned(limit);
            for n in 0..100 {
                let samples = [Sample { method: 0, count: 1, rtt: 14e-3 }];
                let now = 1.0 + f64::from(n) / 10.0;
                gradient.update(Window { samples: &samples, peak: 24, shed, lasted: 0.1, now });
            }
            gradient.usual(0).as_secs_f64() * 1e3
        };
        let near = |a: f64, b: f64| assert!((a - b).abs() < 0.01, "{a} {b}");
        // 14 - 4 e^(-10 / memory)
        near(usual_after_ten_seconds(100, false), 14.0 - 4.0 * (-10.0_f64 / 30.0).exp());
        near(usual_after_ten_seconds(100, true), 14.0 - 4.0 * (-10.0_f64 / 600.0).exp());
        let at_floor = usual_after_ten_seconds(24, true);
        assert!((12.7..13.0).contains(&at_floor), "{at_floor}, where a tenth more is 14");
    }
}
