use super::*;

/// A load and what it is measured by.
struct Measured(Load, Scale);

impl Measured {
    fn cost(&self, now: Tick) -> f32 {
        self.0.cost(&self.1, now)
    }

    fn record(&self, sample: Sample) {
        self.0.record(&self.1, sample);
    }
}

impl std::ops::Deref for Measured {
    type Target = Load;

    fn deref(&self) -> &Load {
        &self.0
    }
}

fn load() -> Measured {
    Measured(Load::new(), Scale::new(&BalanceConfig::default()))
}

fn answer(load: &Measured, millis: u64, outcome: Outcome, now: Tick) {
    load.record(Sample { latency: Duration::from_millis(millis), outcome, pushback: None, now });
}

#[track_caller]
fn about(found: f32, expected: f32) {
    assert!((found - expected).abs() <= expected.abs() * 0.01, "{found} is not about {expected}");
}

#[test]
fn an_endpoint_that_nobody_has_called_yet_is_called_first_and_then_counts_30_ms_a_call() {
    let load = load();
    about(load.cost(0), 0.0);
    assert!(load.in_flight.take(10));
    about(load.cost(0), 0.030 * 2.0);
}

#[test]
fn the_first_answer_takes_the_place_of_the_default() {
    let load = load();
    answer(&load, 2, Outcome::Success, 0);
    about(load.cost(0), 0.002);
    assert!(load.in_flight.take(10) && load.in_flight.take(10));
    about(load.cost(0), 0.002 * 3.0);
}

#[test]
fn a_peak_counts_at_once_and_is_forgotten_by_a_factor_of_e_in_10_s() {
    let load = load();
    answer(&load, 10, Outcome::Success, 0);
    answer(&load, 300, Outcome::Success, 1);
    about(load.cost(1), 0.300);
    about(load.cost(10_001), 0.300 / std::f32::consts::E);
    about(load.cost(20_001), 0.300 / std::f32::consts::E.powi(2));
}

#[test]
fn a_lower_sample_pulls_the_estimate_down_by_the_time_since_the_last_one() {
    let load = load();
    answer(&load, 100, Outcome::Success, 0);
    answer(&load, 10, Outcome::Success, 5_000);
    let weight = (-0.5_f32).exp();
    about(load.cost(5_000), 0.100 * weight + 0.010 * (1.0 - weight));
}

#[test]
fn ten_thousand_samples_a_second_are_the_same_average_as_one() {
    let (often, seldom) = (load(), load());
    for load in [&often, &seldom] {
        answer(load, 100, Outcome::Success, 0);
    }
    for sample in 1..=10_000 {
        answer(&often, 10, Outcome::Success, sample / 10);
    }
    answer(&seldom, 10, Outcome::Success, 1_000);
    about(often.cost(1_000), seldom.cost(1_000));
}

#[test]
fn an_endpoint_that_refuses_all_its_first_calls_costs_the_whole_penalty() {
    for outcome in [Outcome::Overloaded, Outcome::Failure] {
        let load = load();
        answer(&load, 0, outcome, 0);
        about(load.cost(0), 5.0);
    }
}

#[test]
fn an_endpoint_that_begins_to_refuse_is_dearer_than_its_neighbours_within_milliseconds() {
    let load = load();
    for tick in 0..1_000 {
        answer(&load, 1, Outcome::Success, tick);
    }
    about(load.cost(999), 0.001);
    for tick in 1_000..1_010 {
        answer(&load, 0, Outcome::Overloaded, tick);
    }
    // Ten of ten thousand milliseconds at 5 s each.
    assert!(load.cost(1_010) > 0.005, "{}", load.cost(1_010));
    for tick in 1_010..60_000 {
        answer(&load, 0, Outcome::Overloaded, tick);
    }
    assert!(load.cost(60_000) > 4.9, "{}", load.cost(60_000));
}

#[test]
fn one_failure_among_ten_thousand_calls_does_not_send_an_endpoint_away() {
    let load = load();
    for tick in 0..10_000 {
        answer(&load, 1, Outcome::Success, tick);
    }
    answer(&load, 1, Outcome::Failure, 10_000);
    assert!(load.cost(10_000) < 0.002, "{}", load.cost(10_000));
    assert!(load.cost(10_000) > 0.001, "{}", load.cost(10_000));
}

#[test]
fn a_failure_in_the_millisecond_of_a_success_counts_too() {
    let load = load();
    answer(&load, 1, Outcome::Success, 0);
    answer(&load, 0, Outcome::Failure, 0);
    assert!(load.cost(0) > 0.0013, "{}", load.cost(0));
}

#[test]
fn a_fast_failure_does_not_make_a_slow_endpoint_look_fast() {
    let load = load();
    answer(&load, 200, Outcome::Success, 0);
    answer(&load, 0, Outcome::TooLate, 1);
    about(load.cost(1), 0.200);
}

#[test]
fn pushback_counts_up_to_300_s() {
    for (pushback, cost) in [(1, 5.0), (60, 60.0), (1_000, 300.0)] {
        let load = load();
        let pushback = Some(Duration::from_secs(pushback));
        load.record(Sample { latency: Duration::ZERO, outcome: Outcome::Overloaded, pushback, now: 0 });
        about(load.cost(0), cost);
    }
}

#[test]
fn a_caller_that_gives_up_raises_the_latency_and_never_lowers_it() {
    let load = load();
    answer(&load, 10, Outcome::Success, 0);
    answer(&load, 5, Outcome::Unknown, 1);
    about(load.cost(1), 0.010);
    answer(&load, 400, Outcome::Unknown, 2);
    about(load.cost(2), 0.400);
}

#[test]
fn successes_work_off_a_penalty_and_it_is_gone_in_the_end() {
    let load = load();
    answer(&load, 1, Outcome::Failure, 0);
    for tick in 1..200_000 {
        answer(&load, 1, Outcome::Success, tick);
    }
    assert_eq!(load.penalty.load(Ordering::Relaxed), 0);
    about(load.cost(200_000), 0.001);
}

#[test]
fn a_peak_is_not_lost_when_threads_sample_at_once() {
    let load = load();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let load = &load;
            scope.spawn(move || {
                for sample in 0..10_000 {
                    let peak = thread == 2 && sample == 5_000;
                    answer(load, if peak { 1_000 } else { 1 }, Outcome::Success, 0);
                }
            });
        }
    });
    about(load.cost(0), 1.0);
}

#[test]
fn what_is_left_of_something_is_a_power_of_two_and_never_grows() {
    let mut before = 1.0;
    for step in 0..130_000_u32 {
        let times = step as f32 / 1_000.0;
        let (found, exact) = (halved(times), (-times).exp2());
        assert!(found <= before, "{times}");
        assert!(
            (found - exact).abs() <= exact * 1e-5 + f32::MIN_POSITIVE * 4.0,
            "{times}: {found} for {exact}"
        );
        before = found;
    }
    assert_eq!((halved(0.0), halved(1.0), halved(f32::MAX)), (1.0, 0.5, 0.0));
}

#[test]
fn among_endpoints_that_were_idle_for_an_hour_calls_in_flight_still_count() {
    let (busy, idle) = (load(), load());
    for load in [&busy, &idle] {
        answer(load, 1, Outcome::Success, 0);
    }
    assert!(busy.in_flight.take(10));
    assert!(busy.cost(3_600_000) > idle.cost(3_600_000));
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(mesh_loom)]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_a_peak_is_not_lost_to_a_sample_of_the_same_moment() {
        loom::model(|| {
            let load = Arc::new(load());
            let other = Arc::clone(&load);
            let other = thread::spawn(move || answer(&other, 1_000, Outcome::Success, 1));
            answer(&load, 1, Outcome::Success, 1);
            other.join().unwrap();
            about(load.cost(1), 1.0);
        });
    }

    #[test]
    fn loom_what_is_forgotten_does_not_come_back_with_a_sample_of_the_same_moment() {
        loom::model(|| {
            let load = Arc::new(load());
            answer(&load, 60_000, Outcome::Failure, 0);
            let other = Arc::clone(&load);
            let other = thread::spawn(move || answer(&other, 1, Outcome::Success, 1));
            load.forget();
            other.join().unwrap();
            let cost = load.cost(1);
            assert!(
                cost == 0.0 || (0.000_9..0.001_1).contains(&cost),
                "unmeasured, or the new sample: {cost}"
            );
        });
    }

    #[test]
    fn loom_a_penalty_is_not_lost_to_a_success_of_the_same_moment() {
        loom::model(|| {
            let load = Arc::new(load());
            answer(&load, 1, Outcome::Success, 0);
            answer(&load, 1, Outcome::Failure, 5_000);
            let other = Arc::clone(&load);
            let other = thread::spawn(move || answer(&other, 1, Outcome::Failure, 10_000));
            answer(&load, 1, Outcome::Success, 10_000);
            other.join().unwrap();
            assert!(load.cost(10_000) > 1.0, "{}", load.cost(10_000));
        });
    }
}
