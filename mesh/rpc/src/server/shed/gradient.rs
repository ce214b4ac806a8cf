//! How many calls at once: Gradient2 as a function of what was measured.

use std::time::Duration;

use super::LoadShedConfig;

/// How much longer calls may take than they usually do before the limit falls (Netflix: 1.5).
const TOLERANCE: f64 = 1.5;
/// The weight of a new limit against the old one (Netflix: 0.2).
const SMOOTHING: f64 = 0.2;
/// No window changes the limit by more than half of it, before smoothing.
const STEEPEST: f64 = 0.5;
/// Windows of which the fastest says how long calls usually take, before an average does. A server that starts
/// under full load would take its queue for its work otherwise.
const WARM_UP: u32 = 10;
/// How long the long average remembers (Netflix: 600 windows, of at least a second each there).
const LONG: Duration = Duration::from_secs(30);
/// The same while calls are turned away: what they take then is queueing, most probably, and must not become the
/// usual.
const LONG_UNDER_LOAD: Duration = Duration::from_secs(600);
/// The same at the floor of the limit: so few calls queue for little, and what they take is what they take.
const LONG_AT_FLOOR: Duration = Duration::from_secs(2);
/// The limit leaves its floor when the long average is this near to what calls take there.
const LEARNED: f64 = 1.1;
/// What the long average loses with each window in which it is more than twice of what is measured (Netflix: 0.95).
const DRIFT: f64 = 0.95;
/// Differences below this are no queueing, in seconds (Netflix: `minRttThreshold`).
const NOISE: f64 = 100e-6;
/// One window cannot stand for more time than this, in seconds: after a pause the average goes on from where it was.
const LONGEST: f64 = 1.0;

/// What was measured in a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The average time to an answer, in seconds.
    pub(super) rtt: f64,
    /// The most calls in flight.
    pub(super) peak: u32,
    /// Whether calls were turned away.
    pub(super) shed: bool,
    /// How long it lasted, in seconds.
    pub(super) lasted: f64,
}

/// Netflix' `Gradient2Limit` (concurrency-limits): the limit follows the ratio of how long calls usually take to how
/// long they take now, and `√limit` more, which is the queue that it allows. No time is spent on measuring an
/// unloaded server.
///
/// Other than there windows may be short, so averages are over time, not over windows. And the long one learns
/// slowly while calls are turned away: Netflix' follows a lasting overload until it takes it for the usual. A server
/// that has really become slower is found out at the floor of the limit, where there is hardly any queue.
///
/// There the limit changes only while half of it is used. Here it begins high, so it falls also when fewer calls are
/// very slow: with short deadlines no more than a few are ever in flight, and all of them too late. And it comes back to
/// where it began while calls are fast: a burst after some trouble is as harmless as one before.
#[derive(Debug)]
pub(super) struct Gradient2 {
    limit: f64,
    /// How long calls usually take, in seconds.
    long: f64,
    windows: u32,
    initial: f64,
    min: f64,
    max: f64,
}

impl Gradient2 {
    pub(super) fn new(config: &LoadShedConfig) -> Self {
        Self {
            limit: f64::from(config.initial_limit),
            long: 0.0,
            windows: 0,
            initial: f64::from(config.initial_limit),
            min: f64::from(config.min_limit),
            max: f64::from(config.max_limit),
        }
    }

    /// How many calls at once.
    pub(super) fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// How long calls usually take; zero before anything is known.
    pub(super) fn usual(&self) -> Duration {
        Duration::from_secs_f64(self.long)
    }

    /// A window is over.
    pub(super) fn update(&mut self, window: Window) {
        let short = window.rtt.max(NOISE);
        let peak = f64::from(window.peak);
        // Calls that came when there were more of them tell of the queue that they met.
        let is_at_floor = self.limit <= self.min && peak <= self.min;
        let is_learning = is_at_floor && window.shed && short > LEARNED * self.long;
        self.learn(short, window, is_learning);
        if is_learning {
            return;
        }
        let gradient = (TOLERANCE * self.long / short).clamp(STEEPEST, 1.0);
        let is_used = window.shed || peak >= self.limit / 2.0;
        let judged = if is_used || (gradient == 1.0 && self.limit < self.initial) {
            self.limit
        } else if gradient == STEEPEST && peak > self.min {
            // As many calls as there were have made calls so slow: what the limit allows beyond has not.
            peak
        } else {
            return;
        };
        let next = gradient * judged + self.limit.sqrt();
        let smooth = self.limit * (1.0 - SMOOTHING) + next * SMOOTHING;
        self.limit = smooth.clamp(self.min, self.max);
    }

    fn learn(&mut self, short: f64, window: Window, at_floor: bool) {
        if self.windows < WARM_UP {
            self.long = if self.windows == 0 { short } else { self.long.min(short) };
            self.windows += 1;
            return;
        }
        let memory = if at_floor {
            LONG_AT_FLOOR
        } else if window.shed && short > self.long {
            LONG_UNDER_LOAD
        } else {
            LONG
        };
        let weight = 1.0 - (-window.lasted.min(LONGEST) / memory.as_secs_f64()).exp();
        self.long += (short - self.long) * weight;
        if self.long > 2.0 * short {
            self.long *= DRIFT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(initial_limit: u32) -> Gradient2 {
        Gradient2::new(&LoadShedConfig { initial_limit, ..LoadShedConfig::default() })
    }

    fn window(millis: f64, peak: u32) -> Window {
        Window { rtt: millis / 1e3, peak, shed: false, lasted: 0.1 }
    }

    /// Has seen calls of ten milliseconds.
    fn learned(limit: u32) -> Gradient2 {
        let mut gradient = gradient(limit);
        (0..WARM_UP).for_each(|_| gradient.update(window(10.0, 0)));
        gradient
    }

    #[test]
    fn the_limit_grows_by_a_fifth_of_its_root_while_calls_are_as_fast_as_ever() {
        let mut gradient = learned(100);
        gradient.update(window(10.0, 100));
        assert_eq!(gradient.limit, 102.0);
        gradient.update(window(14.9, 100));
        let next = 102.0 + 0.2 * 102.0_f64.sqrt();
        assert!((gradient.limit - next).abs() < 1e-9, "half as long again is no queue");
    }

    #[test]
    fn the_limit_falls_by_a_tenth_at_most_less_the_queue_it_allows() {
        for millis in [40.0, 4_000.0] {
            let mut gradient = learned(100);
            let shed = Window { shed: true, ..window(millis, 100) };
            gradient.update(shed);
            assert_eq!(gradient.limit, 0.8 * 100.0 + 0.2 * (50.0 + 10.0), "{millis}");
        }
    }

    #[test]
    fn a_limit_that_is_not_half_used_stays() {
        let mut gradient = learned(100);
        gradient.update(window(10.0, 49));
        gradient.update(window(19.0, 49));
        assert_eq!(gradient.limit(), 100);
        gradient.update(window(19.0, 50));
        assert!(gradient.limit() < 100);
    }

    #[test]
    fn a_limit_that_is_not_used_falls_when_calls_are_very_slow_and_comes_back() {
        let mut gradient = learned(2_000);
        let before = gradient.limit;
        gradient.update(window(400.0, 24));
        assert_eq!(gradient.limit, before, "so few calls are no queue");
        gradient.update(window(400.0, 300));
        assert_eq!(gradient.limit, 0.8 * before + 0.2 * (150.0 + before.sqrt()));
        // Within some twelve seconds of short windows.
        (0..500).for_each(|_| gradient.update(Window { lasted: 0.025, ..window(10.0, 5) }));
        assert!((2_000..2_020).contains(&gradient.limit()), "{}", gradient.limit());
    }

    #[test]
    fn the_limit_stays_within_its_bounds() {
        let mut gradient = learned(100);
        (0..500).for_each(|_| gradient.update(Window { lasted: 0.001, ..window(400.0, 100) }));
        assert_eq!(gradient.limit(), 24);
        let mut gradient = learned(9_990);
        (0..10).for_each(|_| gradient.update(window(10.0, 9_990)));
        assert_eq!(gradient.limit(), 10_000);
    }

    #[test]
    fn the_first_windows_are_judged_by_the_fastest_of_them() {
        let mut gradient = gradient(100);
        for millis in [30.0, 10.0, 60.0, 90.0] {
            gradient.update(window(millis, 0));
        }
        assert_eq!(gradient.usual(), Duration::from_millis(10));
    }

    #[test]
    fn differences_below_a_tenth_of_a_millisecond_are_none() {
        let mut gradient = gradient(100);
        gradient.update(window(0.0, 0));
        gradient.update(window(0.09, 100));
        assert_eq!(gradient.limit(), 102);
    }

    #[test]
    fn what_is_usual_is_learned_slowly_under_load_and_quickly_at_the_floor() {
        let usual_after_ten_seconds = |limit, shed| {
            let mut gradient = learned(limit);
            let slow = Window { shed, ..window(14.0, 24) };
            (0..100).for_each(|_| gradient.update(slow));
            gradient.usual().as_secs_f64() * 1e3
        };
        let near = |a: f64, b: f64| assert!((a - b).abs() < 0.01, "{a} {b}");
        // 14 - 4 e^(-10 / memory)
        near(usual_after_ten_seconds(100, false), 14.0 - 4.0 * (-10.0_f64 / 30.0).exp());
        near(usual_after_ten_seconds(100, true), 14.0 - 4.0 * (-10.0_f64 / 600.0).exp());
        let at_floor = usual_after_ten_seconds(24, true);
        assert!((12.7..13.0).contains(&at_floor), "{at_floor}, where a tenth more is 14");
    }

    #[test]
    fn an_average_that_is_far_too_long_comes_down_at_once() {
        let mut gradient = learned(100);
        (0..20).for_each(|_| gradient.update(window(1.0, 0)));
        let usual = gradient.usual();
        assert!(usual < Duration::from_millis(4), "{usual:?}");
    }
}
