//! The share of calls that is held back.

use std::time::Duration;

use mesh_policy::Criticality;
use mesh_telemetry::metrics::Counter;
use tokio::time::Instant;

use super::AdaptiveThrottleConfig;
use crate::{
    atomic::{
        AtomicU32,
        Ordering::{Acquire, Release},
    },
    client::{
        balance::Random,
        budget::{SLOTS, Window},
    },
};

/// How many calls stand beside those that were counted, so that the first few that are turned away hold nothing back
/// (the adaptive throttler of grpc-go, for its RLS policy: `requestsPadding`).
const PADDING: f64 = 8.0;
/// So many calls are enough to judge by, ...
const ENOUGH: u64 = 100;
/// ... if they are of so many ticks: the calls of the current one have hardly been answered.
const TICKS_MIN: usize = 2;
/// Of so many calls one is always sent, to find out whether there is room again.
const PROBES: f64 = 0.1;

/// Counts calls of each class, when they are asked for, and those that were not accepted: turned away by a server, or
/// held back here. A call that is under way counts as accepted. No lock: one atomic addition a call, and sums only
/// while some call of the window was not accepted.
#[derive(Debug)]
pub(in crate::client) struct Admission {
    classes: [Class; 3],
    begun: Instant,
    tick_nanos: u64,
    ratio: f64,
    is_enabled: bool,
    random: Random,
    /// Calls so far, for telemetry.
    held_back: Counter,
}

#[derive(Debug)]
struct Class {
    requests: Window,
    refused: Window,
    /// One more than the tick of the last refusal; 0: there was none.
    last: AtomicU32,
}

impl Class {
    fn new() -> Self {
        Self { requests: Window::default(), refused: Window::default(), last: AtomicU32::new(0) }
    }

    fn refuse(&self, tick: u32) {
        self.refused.add(tick);
        // The latest, whoever comes last: one that was slow must not make a later one forgotten. Released, for the
        // load in `held_back`: who knows of a refusal finds it in the window.
        self.last.fetch_max(tick.saturating_add(1), Release);
    }

    /// `max(0, (requests - ratio * accepts) / (requests + padding))` of the last calls: no further back than it takes,
    /// for whatever is older tells how much was asked for when there may have been more of it.
    fn held_back(&self, tick: u32, ratio: f64) -> f64 {
        let last = self.last.load(Acquire);
        if last == 0 || last.saturating_add(SLOTS) <= tick {
            return 0.0;
        }
        let (mut requests, mut refused) = (0, 0);
        for (ticks, (asked, turned_away)) in (1..).zip(self.requests.back(tick).zip(self.refused.back(tick)))
        {
            requests += asked;
            refused += turned_away;
            if ticks >= TICKS_MIN && requests >= ENOUGH {
                break;
            }
        }
        // A refusal may be in the window without its call.
        let accepts = requests.saturating_sub(refused);
        let excess = requests as f64 - ratio * accepts as f64;
        (excess / (requests as f64 + PADDING)).clamp(0.0, 1.0 - PROBES)
    }
}

impl Admission {
    pub(in crate::client) fn new(config: &AdaptiveThrottleConfig, seed: u64) -> Self {
        Self {
            classes: [Class::new(), Class::new(), Class::new()],
            begun: Instant::now(),
            tick_nanos: nanos(config.window / SLOTS).max(1),
            ratio: config.ratio,
            is_enabled: config.enabled,
            // Another sequence than those of endpoints and of jitter.
            random: Random::new(seed.rotate_left(32)),
            held_back: Counter::default(),
        }
    }

    /// Asks for a call of a class, at `now`; false: it is held back.
    pub(super) fn ask(&self, class: Criticality, now: Instant) -> bool {
        if !self.is_enabled {
            return true;
        }
        let tick = self.tick(now);
        let own = &self.classes[class as usize];
        own.requests.add(tick);
        // What is refused to a higher class is not there for a lower one.
        let above = &self.classes[class as usize..];
        let share = above.iter().map(|class| class.held_back(tick, self.ratio)).fold(0.0, f64::max);
        if share <= 0.0 || self.random.fraction() >= share {
            return true;
        }
        own.refuse(tick);
        self.held_back.one();
        false
    }

    /// Calls that were held back so far.
    pub(in crate::client) fn held_back(&self) -> u64 {
        self.held_back.get()
    }

    /// A server turned a call of this class away.
    pub(super) fn refused(&self, class: Criticality) {
        self.classes[class as usize].refuse(self.tick(Instant::now()));
    }

    fn tick(&self, now: Instant) -> u32 {
        u32::try_from(nanos(now - self.begun) / self.tick_nanos).unwrap_or(u32::MAX)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission() -> Admission {
        Admission::new(&AdaptiveThrottleConfig::default(), 1)
    }

    /// Asks for so many calls in a second, of which a server takes up to so many. How many were sent, and how many
    /// of those it took.
    async fn second(admission: &Admission, class: Criticality, calls: u32, room: u32) -> (u32, u32) {
        let (mut sent, mut taken) = (0, 0);
        for tenth in 1..=10 {
            for _ in 0..calls / 10 {
                if !admission.ask(class, Instant::now()) {
                    continue;
                }
                sent += 1;
                if taken < room * tenth / 10 {
                    taken += 1;
                } else {
                    admission.refused(class);
                }
            }
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        (sent, taken)
    }

    #[tokio::test(start_paused = true)]
    async fn twice_of_what_is_accepted_is_sent() {
        let admission = admission();
        for _ in 0..5 {
            second(&admission, Criticality::Default, 5_000, 1_000).await;
        }
        let (sent, taken) = second(&admission, Criticality::Default, 5_000, 1_000).await;
        assert_eq!(taken, 1_000);
        assert!((1_800..=2_200).contains(&sent), "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_held_back_while_half_is_accepted() {
        let admission = admission();
        for _ in 0..5 {
            assert_eq!(second(&admission, Criticality::Default, 1_000, 500).await, (1_000, 500));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn goodput_is_back_within_a_second() {
        let admission = admission();
        for _ in 0..60 {
            second(&admission, Criticality::Default, 5_000, 1_000).await;
        }
        let mut sent = Vec::new();
        for _ in 0..5 {
            sent.push(second(&admission, Criticality::Default, 800, 1_000).await.0);
        }
        assert_eq!(sent[1..], [800; 4], "{sent:?}");
        assert!(sent[0] > 600, "{sent:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_calls_are_judged_by_all_of_the_window() {
        let admission = admission();
        for _ in 0..5 {
            second(&admission, Criticality::Default, 50, 0).await;
        }
        // Forty refusals of 1.8 seconds stand against these.
        let (sent, _) = second(&admission, Criticality::Default, 10, 10).await;
        assert!(sent < 8, "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_goes_through_however_much_is_refused() {
        let admission = admission();
        for _ in 0..5 {
            second(&admission, Criticality::Default, 1_000, 0).await;
        }
        let (sent, _) = second(&admission, Criticality::Default, 1_000, 0).await;
        assert!((70..=130).contains(&sent), "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_few_refusals_hold_nothing_back() {
        let admission = admission();
        let sent = (0..8).filter(|_| {
            let sent = admission.ask(Criticality::Default, Instant::now());
            admission.refused(Criticality::Default);
            sent
        });
        assert!(sent.count() >= 5);
    }

    /// go-zero counted calls when they were over (its issue 5011): those under way were missing, and a few refusals
    /// looked like all that there was.
    #[tokio::test(start_paused = true)]
    async fn a_call_counts_when_it_is_sent_and_not_when_it_is_over() {
        let admission = admission();
        let ask = || admission.ask(Criticality::Default, Instant::now());
        assert!((0..100).all(|_| ask()));
        // Sixty of them are under way still.
        (0..40).for_each(|_| admission.refused(Criticality::Default));
        assert!((0..100).all(|_| ask()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_to_a_class_is_held_back_from_lower_ones_and_not_from_higher_ones() {
        let admission = admission();
        for _ in 0..3 {
            second(&admission, Criticality::Default, 1_000, 100).await;
        }
        let sent = async |class| second(&admission, class, 100, 100).await.0;
        assert_eq!(sent(Criticality::Critical).await, 100);
        assert!(sent(Criticality::Sheddable).await < 60);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_held_back_where_that_is_switched_off() {
        let config = AdaptiveThrottleConfig { enabled: false, ..AdaptiveThrottleConfig::default() };
        let admission = Admission::new(&config, 1);
        for _ in 0..3 {
            assert_eq!(second(&admission, Criticality::Sheddable, 1_000, 0).await.0, 1_000);
        }
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_a_slow_refusal_does_not_make_a_later_one_forgotten() {
        loom::model(|| {
            let class = Arc::new(Class::new());
            let slow = Arc::clone(&class);
            let slow = thread::spawn(move || slow.refuse(3));
            class.refuse(12);
            slow.join().unwrap();
            assert_eq!(class.last.load(Acquire), 13);
            // At tick 13 that of tick 3 is out of the window; that of tick 12 is not.
            assert_eq!(class.refused.sum(13), 1);
        });
    }

    #[test]
    fn loom_who_knows_of_a_refusal_finds_it_in_the_window() {
        loom::model(|| {
            let class = Arc::new(Class::new());
            class.requests.add(3);
            let server = Arc::clone(&class);
            let server = thread::spawn(move || server.refuse(3));
            // One call, refused: an excess of one over one and the padding.
            let held_back = class.held_back(3, 2.0);
            assert!(held_back == 0.0 || held_back == 1.0 / (1.0 + PADDING), "{held_back}");
            server.join().unwrap();
            assert_eq!(class.held_back(3, 2.0), 1.0 / (1.0 + PADDING));
        });
    }
}
