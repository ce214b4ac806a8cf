use std::{cell::RefCell, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::client::balance::Outcome;
use crate::client::outlier::RollingSuccessRateConfig;

struct Host {
    record: Record,
    breaker: Breaker,
    found: RefCell<Vec<(Detection, Option<Unenforced>)>>,
}

impl Judged for Host {
    fn parts(&mut self) -> (&Record, &mut Breaker) {
        (&self.record, &mut self.breaker)
    }

    fn found(&self, detection: Detection, spared: Option<Unenforced>) {
        self.found.borrow_mut().push((detection, spared));
    }

    fn changed(&self, _: Standing) {}
}

struct Court {
    hosts: Vec<Host>,
    config: OutlierConfig,
    random: Random,
}

impl Court {
    fn of(count: usize) -> Self {
        let host = || Host { record: Record::new(7), breaker: Breaker::new(), found: RefCell::default() };
        let hosts = std::iter::repeat_with(host).take(count).collect();
        Self { hosts, config: OutlierConfig::default(), random: Random::new(1) }
    }

    fn answers(&self, host: usize, outcome: Outcome, count: u32) {
        for _ in 0..count {
            self.hosts[host].record.record(outcome, false);
        }
    }

    fn judge(&mut self) -> Option<Instant> {
        judge(&mut self.hosts, &self.config, Due::default(), Instant::now(), &self.random)
    }

    fn sweep(&mut self) {
        let due = Due { sweep: true, part: false };
        judge(&mut self.hosts, &self.config, due, Instant::now(), &self.random);
    }

    /// A second is over, by which rolling success rates are looked at.
    fn roll(&mut self) {
        let due = Due { sweep: false, part: true };
        judge(&mut self.hosts, &self.config, due, Instant::now(), &self.random);
    }

    /// Nothing but rolling success rates is looked at.
    fn rolling(count: usize) -> Self {
        let mut court = Self::of(count);
        let rolling = RollingSuccessRateConfig { jitter: 0.0, ..RollingSuccessRateConfig::default() };
        court.config = OutlierConfig {
            success_rate: None,
            failure_percentage: None,
            consecutive: None,
            rolling_success_rate: Some(rolling),
            ..court.config
        };
        court
    }

    fn standing(&self) -> Vec<Standing> {
        self.hosts.iter().map(|host| host.record.standing()).collect()
    }

    fn ejected(&self) -> Vec<usize> {
        let hosts = self.hosts.iter().enumerate();
        hosts.filter(|(_, host)| !host.breaker.is_closed()).map(|(index, _)| index).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn seven_failures_in_a_row_open_the_breaker_and_six_do_not() {
    let mut court = Court::of(3);
    court.answers(1, Outcome::Failure, 6);
    court.judge();
    assert_eq!(court.ejected(), [0_usize; 0]);
    court.answers(1, Outcome::Success, 1);
    court.answers(1, Outcome::Failure, 6);
    court.judge();
    assert_eq!(court.ejected(), [0_usize; 0], "a success ends the row");
    assert!(court.hosts[1].record.record(Outcome::Failure, false), "the seventh rings");
    court.judge();
    assert_eq!(court.standing(), [Standing::Closed, Standing::Open, Standing::Closed]);
}

#[tokio::test(start_paused = true)]
async fn one_probe_closes_the_breaker_or_doubles_its_time() {
    let mut court = Court::of(3);
    court.config.consecutive.as_mut().unwrap().jitter = 0.0;
    court.answers(0, Outcome::Failure, 7);
    assert_eq!(court.judge(), Some(Instant::now() + Duration::from_secs(1)));
    for seconds in [1, 2, 4] {
        tokio::time::advance(Duration::from_millis(seconds * 1_000 - 1)).await;
        court.judge();
        assert_eq!(court.standing()[0], Standing::Open);
        tokio::time::advance(Duration::from_millis(1)).await;
        court.judge();
        assert_eq!(court.standing()[0], Standing::HalfOpen);
        let record = &court.hosts[0].record;
        assert!(record.try_probe() && !record.try_probe());
        let failed = if seconds == 1 { Outcome::Overloaded } else { Outcome::TooLate };
        assert!(record.record(failed, true));
        court.judge();
        assert_eq!(court.standing()[0], Standing::Open);
    }
    tokio::time::advance(Duration::from_secs(8)).await;
    court.judge();
    assert!(court.hosts[0].record.try_probe());
    // The caller went away: the next call is the probe.
    assert!(!court.hosts[0].record.record(Outcome::Unknown, true));
    assert!(court.hosts[0].record.try_probe());
    assert!(court.hosts[0].record.record(Outcome::Success, true));
    assert_eq!(court.judge(), None);
    assert_eq!(court.ejected(), [0_usize; 0]);
    // It begins with a clean sheet.
    court.answers(0, Outcome::Failure, 6);
    court.judge();
    assert_eq!(court.ejected(), [0_usize; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_ejects_for_30_s_and_then_lets_one_call_through() {
    let mut court = Court::of(10);
    for host in 0..10 {
        court.answers(host, Outcome::Success, 100);
    }
    // Not in a row.
    for _ in 0..50 {
        court.answers(4, Outcome::Failure, 1);
        court.answers(4, Outcome::Success, 1);
    }
    court.judge();
    assert_eq!(court.ejected(), [0_usize; 0], "only a sweep compares");
    court.sweep();
    assert_eq!(court.ejected(), [4]);
    tokio::time::advance(Duration::from_millis(29_999)).await;
    court.judge();
    assert_eq!(court.standing()[4], Standing::Open);
    tokio::time::advance(Duration::from_millis(1)).await;
    court.judge();
    assert_eq!(court.standing()[4], Standing::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn who_is_found_and_not_ejected_is_told_with_the_reason() {
    let full = Some(Unenforced::MaxEjectionOverflow);
    let by_chance = Some(Unenforced::EnforcementPercentage);
    for (enforced, expected) in [(100, [None, full]), (0, [by_chance, by_chance])] {
        let mut court = Court::of(10);
        court.config.success_rate.as_mut().unwrap().enforcement_percent = enforced;
        for _ in 0..100 {
            for host in 0..10 {
                court.answers(host, Outcome::Success, 1);
                // Not in a row.
                court.answers(host, Outcome::Failure, if [3, 7].contains(&host) { 2 } else { 0 });
            }
        }
        court.sweep();
        let found: Vec<_> = court.hosts.iter().flat_map(|host| host.found.take()).collect();
        assert_eq!(found, expected.map(|spared| (Detection::SuccessRate, spared)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_of_failures_without_room_to_eject_is_told_once() {
    let mut court = Court::of(10);
    court.answers(2, Outcome::Failure, 7);
    court.judge();
    assert_eq!(court.ejected(), [2]);
    let spared = (Detection::Consecutive, Some(Unenforced::MaxEjectionOverflow));
    for _ in 0..2 {
        court.answers(5, Outcome::Failure, 7);
        for _ in 0..3 {
            court.judge();
        }
        assert_eq!(court.hosts[5].found.take(), [spared]);
        court.answers(5, Outcome::Success, 1);
        court.judge();
    }
    assert_eq!(court.hosts[2].found.take(), [(Detection::Consecutive, None)]);
    assert_eq!(court.ejected(), [2]);
}

#[tokio::test(start_paused = true)]
async fn who_succeeds_less_often_than_four_times_of_five_within_ten_seconds_is_ejected() {
    // Failed of ten, and whether that is too often.
    for (failed, expected) in [(2, vec![]), (3, vec![1])] {
        let mut court = Court::rolling(3);
        for _ in 0..failed {
            court.answers(1, Outcome::Overloaded, 1);
            court.answers(1, Outcome::Success, 1);
        }
        court.answers(1, Outcome::Success, 10 - 2 * failed);
        court.judge();
        assert_eq!(court.ejected(), [0_usize; 0], "it is looked at once a second");
        court.roll();
        assert_eq!(court.ejected(), expected, "{failed} of 10");
    }
}

#[tokio::test(start_paused = true)]
async fn four_calls_say_nothing_and_five_do_unless_ten_seconds_are_between_them() {
    let mut court = Court::rolling(3);
    court.answers(0, Outcome::Failure, 4);
    (0..9).for_each(|_| court.roll());
    assert_eq!(court.ejected(), [0_usize; 0]);
    court.answers(0, Outcome::Failure, 1);
    court.roll();
    assert_eq!(court.ejected(), [0]);
    let mut court = Court::rolling(3);
    court.answers(0, Outcome::Failure, 4);
    (0..10).for_each(|_| court.roll());
    court.answers(0, Outcome::Failure, 1);
    court.roll();
    assert_eq!(court.ejected(), [0_usize; 0], "the four are forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_rolling_success_rate_costs_a_second_and_each_failed_probe_twice_as_much_and_begins_anew() {
    let mut court = Court::rolling(3);
    court.answers(2, Outcome::Failure, 5);
    court.roll();
    for seconds in [1, 2, 4, 8, 16] {
        tokio::time::advance(Duration::from_millis(seconds * 1_000 - 1)).await;
        court.judge();
        assert_eq!(court.standing()[2], Standing::Open);
        tokio::time::advance(Duration::from_millis(1)).await;
        court.judge();
        assert!(court.hosts[2].record.try_probe());
        court.hosts[2].record.record(Outcome::Failure, true);
        court.judge();
    }
    tokio::time::advance(Duration::from_secs(32)).await;
    court.judge();
    assert!(court.hosts[2].record.try_probe());
    // What was sent before it was ejected, and fails only now.
    court.answers(2, Outcome::TooLate, 9);
    court.hosts[2].record.record(Outcome::Success, true);
    court.judge();
    court.roll();
    assert_eq!(court.ejected(), [0_usize; 0], "what was before is forgotten");
    assert_eq!(court.hosts[2].found.take(), [(Detection::RollingSuccessRate, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_rolling_success_rate_without_room_to_eject_is_told_once() {
    let mut court = Court::rolling(10);
    for host in [2, 5] {
        court.answers(host, Outcome::Overloaded, 10);
    }
    (0..5).for_each(|_| court.roll());
    assert_eq!(court.ejected(), [2]);
    let spared = (Detection::RollingSuccessRate, Some(Unenforced::MaxEjectionOverflow));
    assert_eq!(court.hosts[5].found.take(), [spared]);
}

/// One look takes the answers for both: neither loses what the other has seen.
#[tokio::test(start_paused = true)]
async fn a_sweep_and_a_window_that_rolls_count_the_same_answers() {
    let mut court = Court::of(10);
    court.config.rolling_success_rate = Some(RollingSuccessRateConfig::default());
    for host in 0..10 {
        court.answers(host, Outcome::Success, 90);
        // Enough for the window, too little of all for the sweep's bound if it saw only what came after it.
        court.answers(host, if host == 6 { Outcome::Overloaded } else { Outcome::Success }, 15);
    }
    court.roll();
    assert_eq!(court.ejected(), [0_usize; 0], "86 %");
    court.sweep();
    assert_eq!(court.ejected(), [6], "the worst of ten by far");
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_before_an_interval_does_not_count_in_it() {
    let mut court = Court::of(10);
    court.answers(0, Outcome::Overloaded, 100);
    court.sweep();
    for host in 0..10 {
        court.answers(host, Outcome::Success, 100);
    }
    court.sweep();
    assert_eq!(court.ejected(), [0_usize; 0]);
}

#[tokio::test(start_paused = true)]
async fn ejects_at_most_the_limit_however_many_are_bad() {
    for (hosts, limit) in [(1, 1), (3, 1), (10, 1), (19, 1), (20, 2), (100, 10)] {
        let mut court = Court::of(hosts);
        for host in 0..hosts {
            court.answers(host, Outcome::Failure, 7);
        }
        court.judge();
        assert_eq!(court.ejected().len(), limit, "{hosts} hosts");
        for host in hosts / 2..hosts {
            court.answers(host, Outcome::Success, 1_000);
        }
        court.sweep();
        assert_eq!(court.ejected().len(), limit, "{hosts} hosts, all criteria together");
    }
}

#[tokio::test(start_paused = true)]
async fn where_endpoints_go_those_come_back_that_are_too_many() {
    let mut court = Court::of(20);
    court.config.consecutive.as_mut().unwrap().jitter = 0.0;
    for host in [3, 5] {
        court.answers(host, Outcome::Failure, 7);
        court.judge();
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    assert_eq!(court.ejected(), [3, 5]);
    court.hosts.truncate(10);
    court.judge();
    assert_eq!(court.ejected(), [5], "one of ten; the time of the other was over sooner");
    assert_eq!(court.standing()[3], Standing::Closed);
}

#[tokio::test(start_paused = true)]
async fn whoever_could_not_be_ejected_is_when_there_is_room() {
    let mut court = Court::of(3);
    court.answers(0, Outcome::Failure, 7);
    court.answers(1, Outcome::Failure, 7);
    court.judge();
    assert_eq!(court.ejected(), [0]);
    tokio::time::advance(Duration::from_secs(2)).await;
    court.judge();
    assert!(court.hosts[0].record.try_probe());
    court.hosts[0].record.record(Outcome::Success, true);
    court.judge();
    assert_eq!(court.ejected(), [1]);
}

#[tokio::test(start_paused = true)]
async fn enforcement_of_half_ejects_half_of_those_that_are_found() {
    let mut ejected = 0;
    for seed in 0..400 {
        let mut court = Court { random: Random::new(seed), ..Court::of(10) };
        court.config.success_rate.as_mut().unwrap().enforcement_percent = 50;
        court.config.failure_percentage = None;
        for host in 0..10 {
            court.answers(host, if host == 0 { Outcome::Overloaded } else { Outcome::Success }, 100);
        }
        court.sweep();
        ejected += court.ejected().len();
    }
    assert!((160..240).contains(&ejected), "{ejected} of 400");
}

#[tokio::test(start_paused = true)]
async fn enforcement_of_zero_percent_ejects_nobody() {
    let mut court = Court::of(10);
    court.config.success_rate.as_mut().unwrap().enforcement_percent = 0;
    court.config.failure_percentage.as_mut().unwrap().enforcement_percent = 0;
    for host in 0..10 {
        court.answers(host, if host == 0 { Outcome::Overloaded } else { Outcome::Success }, 100);
    }
    court.sweep();
    assert_eq!(court.ejected(), [0_usize; 0]);
}

proptest! {
    /// Whatever is answered and whenever it is judged, the bound holds and no endpoint is ejected for ever.
    #[test]
    fn the_bound_holds_whatever_happens(
        steps in proptest::collection::vec((0_usize..25, 0_u8..6, 1_u32..200, 0_u64..20_000), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let mut court = Court::of(25);
            court.config.rolling_success_rate = Some(RollingSuccessRateConfig::default());
            for (host, outcome, count, millis) in steps {
                let outcomes = [
                    Outcome::Success, Outcome::Overloaded, Outcome::Failure, Outcome::TooLate, Outcome::Lost,
                    Outcome::Unknown,
                ];
                let outcome = outcomes[usize::from(outcome)];
                court.answers(host, outcome, count);
                if court.hosts[host].record.try_probe() {
                    court.hosts[host].record.record(outcome, true);
                }
                tokio::time::advance(Duration::from_millis(millis)).await;
                match millis % 3 {
                    0 => court.sweep(),
                    1 => court.roll(),
                    _ => _ = court.judge(),
                }
                prop_assert!(court.ejected().len() <= 2);
            }
            for _ in 0..3 {
                tokio::time::advance(Duration::from_secs(301)).await;
                court.judge();
                for host in &court.hosts {
                    if host.record.try_probe() {
                        host.record.record(Outcome::Success, true);
                    }
                    host.record.begin_anew();
                }
            }
            court.judge();
            prop_assert!(court.ejected().is_empty(), "{:?}", court.ejected());
            Ok(())
        })?;
    }
}
