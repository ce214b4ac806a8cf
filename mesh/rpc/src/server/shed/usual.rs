//! How long the calls of each method usually take.

use std::time::Duration;

/// Windows of which the fastest says how long calls usually take, before an average does. A server that starts
/// under full load would take its queue for its work otherwise.
pub(super) const WARM_UP: u32 = 10;
/// What the average loses with each window in which it is more than twice of what is measured (Netflix: 0.95).
const DRIFT: f64 = 0.95;
/// Calls that take less than this are not slow, however much faster they usually are, in seconds: the standing queue that
/// CoDel allows (RFC 8289, its TARGET). A server whose calls take microseconds queues for milliseconds whenever a few
/// hundred come together, or a processor is elsewhere, and nobody is the worse for it.
const HARMLESS: f64 = 5e-3;
/// One window cannot stand for more time than this, in seconds: after a pause the average goes on from where it was.
const LONGEST: f64 = 1.0;

/// How long the calls of a method usually take. Methods differ by orders of magnitude: in one average of all, a few more
/// of the slow ones would look like a queue.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usual {
    /// In seconds.
    average: f64,
    windows: u32,
    /// When it has last learned, in seconds since some epoch.
    at: f64,
}

/// The calls of a method in one window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Which method.
    pub(super) method: usize,
    /// How many were timed; not zero.
    pub(super) count: u64,
    /// How long they took on average, in seconds.
    pub(super) rtt: f64,
}

impl Usual {
    pub(super) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.average)
    }

    /// How many times as long as usual calls took; one while nothing is known.
    pub(super) fn slowness(&self, rtt: f64) -> f64 {
        if self.windows == 0 { 1.0 } else { rtt.max(HARMLESS) / self.average }
    }

    /// Learns from a window that ended `now`, in seconds. `memory` is how long ago it forgets, for what is faster and for
    /// what is slower than usual.
    pub(super) fn learn(&mut self, rtt: f64, now: f64, memory: [Duration; 2]) {
        let short = rtt.max(HARMLESS);
        let lasted = (now - self.at).clamp(0.0, LONGEST);
        self.at = now;
        if self.windows < WARM_UP {
            self.average = if self.windows == 0 { short } else { self.average.min(short) };
            self.windows += 1;
            return;
        }
        let memory = memory[usize::from(short > self.average)];
        self.average += (short - self.average) * weight(lasted, memory);
        if self.average > 2.0 * short {
            self.average *= DRIFT;
        }
    }
}

/// The weight of what lasted so long, in seconds, in an average that remembers for so long.
pub(super) fn weight(lasted: f64, memory: Duration) -> f64 {
    1.0 - (-lasted.min(LONGEST) / memory.as_secs_f64()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(600)];

    /// Has seen calls of ten milliseconds, for a second.
    fn learned() -> Usual {
        let mut usual = Usual::default();
        (1..=WARM_UP).for_each(|n| usual.learn(10e-3, f64::from(n) / 10.0, MEMORY));
        usual
    }

    /// Has seen these times a hundred times more, for ten seconds.
    fn after(millis: f64) -> f64 {
        let mut usual = learned();
        (1..=100).for_each(|n| usual.learn(millis / 1e3, 1.0 + f64::from(n) / 10.0, MEMORY));
        usual.average * 1e3
    }

    fn is_near(a: f64, b: f64) {
        assert!((a - b).abs() < 0.01, "{a} {b}");
    }

    #[test]
    fn the_fastest_of_the_first_windows_is_the_usual_one() {
        let mut usual = Usual::default();
        is_near(usual.slowness(7.0), 1.0);
        [30e-3, 10e-3, 60e-3].into_iter().for_each(|rtt| usual.learn(rtt, 0.0, MEMORY));
        assert_eq!(usual.time(), Duration::from_millis(10));
        is_near(usual.slowness(25e-3), 2.5);
    }

    #[test]
    fn what_is_slower_is_learned_by_one_memory_and_what_is_faster_by_the_other() {
        is_near(after(14.0), 14.0 - 4.0 * (-10.0_f64 / 600.0).exp());
        is_near(after(6.0), 6.0 + 4.0 * (-10.0_f64 / 30.0).exp());
    }

    #[test]
    fn a_method_that_is_rarely_called_learns_as_much_with_each_window_as_with_a_second_of_them() {
        let mut usual = learned();
        usual.learn(14e-3, 3_600.0, MEMORY);
        is_near(usual.average * 1e3, 14.0 - 4.0 * (-1.0_f64 / 600.0).exp());
    }

    #[test]
    fn an_average_that_is_far_too_long_comes_down_at_once() {
        let mut usual = Usual::default();
        (1..=WARM_UP).for_each(|n| usual.learn(100e-3, f64::from(n) / 10.0, MEMORY));
        (0..20).for_each(|_| usual.learn(10e-3, 1.0, MEMORY));
        assert!(usual.time() < Duration::from_millis(40), "{usual:?}");
    }

    #[test]
    fn a_queue_of_five_milliseconds_is_none() {
        let mut usual = Usual::default();
        usual.learn(20e-6, 0.0, MEMORY);
        is_near(usual.slowness(4.9e-3), 1.0);
        is_near(usual.slowness(10e-3), 2.0);
    }
}
