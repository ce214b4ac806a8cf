use std::time::Duration;

use tonic::Code;

use super::*;
use crate::client::{
    ChannelConfig, SlowStartConfig,
    attempt::Tried,
    balance::{doubles::Field, load::Sample, outcome::Outcome},
};

fn config(policy: Balancing) -> ChannelConfig {
    let slow_start = SlowStartConfig { window: Duration::ZERO, ..SlowStartConfig::default() };
    let balance = BalanceConfig { policy, slow_start, ..BalanceConfig::default() };
    ChannelConfig { balance, ..ChannelConfig::default() }
}

async fn field(count: u16, policy: Balancing) -> Field {
    Field::of(count, config(policy)).await
}

const LEAST_REQUEST: Balancing = Balancing::LeastRequest { choice_count: 2 };
const POLICIES: [Balancing; 4] =
    [Balancing::PeakEwma, LEAST_REQUEST, Balancing::LeastRequest { choice_count: 10 }, Balancing::RoundRobin];

fn any() -> Wish {
    Wish::default()
}

fn with_key(key: u64) -> Wish {
    Wish { key: Some(key), ..Wish::default() }
}

fn tried(field: &Field, numbers: &[usize]) -> Tried {
    let mut tried = Tried::default();
    numbers.iter().for_each(|number| tried.add(field.endpoints[*number].key()));
    tried
}

fn takes(field: &Field, number: usize, millis: u64) {
    let tick = field.wires.epoch.tick(Instant::now());
    let latency = Duration::from_millis(millis);
    field.endpoints[number]
        .gauges
        .load
        .record(&field.wires.scale, Sample { latency, outcome: Outcome::Success, pushback: None, now: tick });
}

/// How many of `calls` calls each endpoint gets.
fn shares(field: &Field, wish: &Wish, calls: usize) -> Vec<usize> {
    let mut shares = vec![0; field.endpoints.len()];
    for _ in 0..calls {
        shares[field.pick_once(wish).unwrap()] += 1;
    }
    shares
}

#[tokio::test(start_paused = true)]
async fn a_dead_endpoint_is_never_picked_while_a_live_one_exists() {
    // grpc-rust #2839: tonic's balancer goes on picking an endpoint whose connection is gone.
    for policy in POLICIES {
        let mut field = field(3, policy).await;
        // It looks like the best there is, and the snapshot has not seen yet that it is gone.
        takes(&field, 0, 0);
        takes(&field, 1, 500);
        takes(&field, 2, 500);
        drop(field.drivers.remove(0));
        for _ in 0..200 {
            assert_ne!(field.pick_once(&any()), Some(0), "{policy:?}");
            assert_ne!(field.pick_once(&with_key(7)), Some(0));
        }
        field.drivers.clear();
        assert_eq!(field.pick_once(&any()), None, "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_without_room_is_never_picked_while_another_has_some() {
    for policy in POLICIES {
        let config = ChannelConfig { max_in_flight: 1, ..config(policy) };
        let field = Field::of(20, config).await;
        let places: Vec<_> = (0..20).map(|_| field.pick(&any()).unwrap()).collect();
        let mut taken: Vec<_> = places.iter().map(Field::number).collect();
        taken.sort_unstable();
        assert_eq!(taken, (0..20).collect::<Vec<_>>(), "{policy:?}: each has exactly one");
        assert!(field.pick(&any()).is_none() && field.pick(&with_key(1)).is_none());
        drop(places);
        assert!(field.pick(&any()).is_some());
        assert_eq!(field.wires.calls.in_flight(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_gives_back_everything_that_it_took() {
    let field = field(1, Balancing::PeakEwma).await;
    field.drivers[0].peer.allows(1);
    for end in 0..4 {
        let mut place = field.pick(&any()).unwrap();
        assert!(field.pick(&any()).is_none(), "the peer allows one stream");
        match end {
            0 => place.finish(Code::Ok, None),
            1 => place.failed(&crate::MeshError::CallerGone),
            2 => drop(place),
            _ => place.unsent(),
        }
    }
    assert!(field.pick(&any()).is_none(), "a connection that gave a call back takes no more");
    assert_eq!(field.wires.calls.in_flight() + field.endpoints[0].gauges.load.in_flight.taken(), 0);
}

#[tokio::test(start_paused = true)]
async fn round_robin_takes_turns() {
    let field = field(3, Balancing::RoundRobin).await;
    let order: Vec<_> = (0..6).map(|_| field.pick_once(&any()).unwrap()).collect();
    assert_eq!(order, [0, 1, 2, 0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn of_two_the_less_loaded_is_chosen() {
    for policy in [Balancing::PeakEwma, LEAST_REQUEST] {
        let field = field(2, policy).await;
        for number in [0, 1] {
            takes(&field, number, 10);
        }
        let mut places = Vec::new();
        for _ in 0..10 {
            places.push(field.pick(&any()).unwrap());
        }
        let loads = field.endpoints.iter().map(|endpoint| endpoint.gauges.load.in_flight.taken());
        assert_eq!(loads.collect::<Vec<_>>(), [5, 5], "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_endpoint_gets_calls_in_proportion_to_its_speed() {
    let field = field(2, Balancing::PeakEwma).await;
    takes(&field, 0, 10);
    takes(&field, 1, 90);
    let places: Vec<_> = (0..100).map(|_| field.pick(&any()).unwrap()).collect();
    let slow = places.iter().filter(|place| Field::number(place) == 1).count();
    assert!((9..=11).contains(&slow), "{slow} of 100");
}

#[tokio::test(start_paused = true)]
async fn the_best_of_two_random_ones_keeps_ten_endpoints_within_a_call_or_two() {
    let field = field(10, LEAST_REQUEST).await;
    let places: Vec<_> = (0..1_000).map(|_| field.pick(&any()).unwrap()).collect();
    let loads: Vec<_> = field.endpoints.iter().map(|one| one.gauges.load.in_flight.taken()).collect();
    assert!(loads.iter().all(|load| (97..=103).contains(load)), "{loads:?}");
    drop(places);
}

#[tokio::test(start_paused = true)]
async fn more_choices_find_the_idle_endpoint_more_often() {
    let mut found = Vec::new();
    for choice_count in [2, 10] {
        let field = field(20, Balancing::LeastRequest { choice_count }).await;
        let busy: Vec<_> = (0..19).map(|number| field.take(number)).collect();
        found.push(shares(&field, &any(), 1_000)[19]);
        drop(busy);
    }
    // 1 - (19/20 * 18/19) = 10 %, and 1 - 0.9 * 0.95^8 = 40 %.
    assert!((70..130).contains(&found[0]) && (350..450).contains(&found[1]), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_retry_goes_elsewhere_while_there_is_an_elsewhere() {
    for policy in POLICIES {
        let field = field(4, policy).await;
        let wish = Wish { tried: Some(tried(&field, &[0, 1, 3])), ..Wish::default() };
        assert_eq!(shares(&field, &wish, 100), [0, 0, 100, 0], "{policy:?}");
        let key = Wish { key: Some(1), ..wish };
        assert_eq!(shares(&field, &key, 100), [0, 0, 100, 0], "{policy:?}");
        let everywhere = Wish { tried: Some(tried(&field, &[0, 1, 2, 3])), ..Wish::default() };
        assert_eq!(shares(&field, &everywhere, 100).iter().sum::<usize>(), 100, "{policy:?}");
        let hedge = Wish { tried: Some(tried(&field, &[0, 1, 2, 3]).only_others()), ..Wish::default() };
        assert!(field.pick(&hedge).is_none(), "{policy:?}");
        let hedge = Wish { tried: Some(tried(&field, &[0, 2, 3]).only_others()), ..Wish::default() };
        assert_eq!(shares(&field, &hedge, 100), [0, 100, 0, 0], "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_ejected_endpoint_gets_no_call_unless_too_few_are_left() {
    for policy in POLICIES {
        let mut field = field(3, policy).await;
        field.endpoints[1].gauges.record.set(Standing::Open);
        let shares_of = |field: &Field| shares(field, &any(), 300);
        assert_eq!(shares_of(&field)[1], 0, "{policy:?}");
        assert_ne!(field.pick_once(&with_key(3)), Some(1));
        field.snapshot.panic = true;
        assert!(shares_of(&field)[1] > 50, "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_half_open_endpoint_gets_one_call_though_it_was_slow() {
    for policy in POLICIES {
        let field = field(3, policy).await;
        takes(&field, 1, 60_000);
        field.endpoints[1].gauges.record.set(Standing::HalfOpen);
        let mut places: Vec<_> = (0..30).map(|_| field.pick(&any()).unwrap()).collect();
        let probes = places.iter().filter(|place| Field::number(place) == 1).count();
        assert_eq!(probes, 1, "{policy:?}");
        let at = places.iter().position(|place| Field::number(place) == 1).unwrap();
        // Its caller goes away: the probe is there for another call.
        drop(places.swap_remove(at));
        assert_eq!(field.endpoints[1].gauges.record.standing(), Standing::HalfOpen);
        let mut probe =
            (0..30).find_map(|_| field.pick(&any()).filter(|place| Field::number(place) == 1)).unwrap();
        probe.finish(Code::Unavailable, None);
        assert_eq!(field.endpoints[1].gauges.record.standing(), Standing::Failed);
        assert!((0..30).all(|_| field.pick_once(&any()) != Some(1)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_endpoint_gets_a_share_that_grows() {
    let balance = BalanceConfig { policy: LEAST_REQUEST, ..BalanceConfig::default() };
    let field = Field::of(4, ChannelConfig { balance, ..ChannelConfig::default() }).await;
    // All are new since they are there, and none waits for another.
    assert!(shares(&field, &any(), 1_000).iter().all(|share| *share > 150));
    tokio::time::advance(Duration::from_secs(60)).await;
    field.endpoints[2].begin_slowly();
    let mut found = Vec::new();
    for _ in 0..3 {
        found.push(shares(&field, &any(), 4_000)[2]);
        tokio::time::advance(Duration::from_secs(5)).await;
    }
    // 10 %, 50 % and all of a quarter. It is the better of two half the time, as every other.
    assert!((60..140).contains(&found[0]), "{found:?}");
    assert!((420..580).contains(&found[1]), "{found:?}");
    assert!((900..1_100).contains(&found[2]), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_refuses_at_once_gets_less_than_one_call_in_twenty() {
    let field = field(3, Balancing::PeakEwma).await;
    let mut shares = [0; 3];
    for call in 0..10_000_u32 {
        let mut place = field.pick(&any()).unwrap();
        let number = Field::number(&place);
        shares[number] += 1;
        if number == 1 && call > 1_000 {
            place.finish(Code::ResourceExhausted, None);
        } else {
            tokio::time::advance(Duration::from_micros(500)).await;
            place.heard();
            place.finish(Code::Ok, None);
        }
        if call == 1_000 {
            assert!(shares.iter().all(|share| *share > 200), "{shares:?}");
            shares = [0; 3];
        }
    }
    assert!(shares[1] < 9_000 / 20, "{shares:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_always_meets_the_same_endpoint_and_keys_meet_all() {
    for policy in POLICIES {
        let field = field(5, policy).await;
        let owners: Vec<_> = (0..100).map(|key| field.pick_once(&with_key(key)).unwrap()).collect();
        for (key, owner) in (0..100).zip(&owners) {
            assert_eq!(field.pick_once(&with_key(key)).as_ref(), Some(owner), "{policy:?}");
        }
        assert!((0..5).all(|number| owners.contains(&number)), "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_endpoint_has_more_than_a_quarter_above_the_mean_however_popular_a_key_is() {
    let field = field(4, Balancing::PeakEwma).await;
    let mut places = Vec::new();
    for call in 1..=400_u32 {
        places.push(field.pick(&with_key(42)).unwrap());
        let most = field.endpoints.iter().map(|one| one.gauges.load.in_flight.taken()).max().unwrap();
        let bound = (1.25 * f64::from(call) / 4.0).ceil();
        assert!(f64::from(u32::try_from(most).unwrap()) <= bound.max(4.0), "{most} of {call}");
    }
    let owner = Field::number(&places[0]);
    assert_eq!(field.endpoints[owner].gauges.load.in_flight.taken(), 125);
    // Only those beyond the bound went on, to the next on the ring.
    assert!(places[..4].iter().all(|place| Field::number(place) == owner));
}

#[tokio::test(start_paused = true)]
async fn only_the_keys_of_an_endpoint_that_is_gone_move() {
    let mut field = field(5, Balancing::PeakEwma).await;
    let owners: Vec<_> = (0..500).map(|key| field.pick_once(&with_key(key)).unwrap()).collect();
    drop(field.drivers.remove(3));
    for (key, owner) in (0..500).zip(owners) {
        let now = field.pick_once(&with_key(key)).unwrap();
        assert!(now != 3 && (owner == 3 || owner == now));
    }
}

#[tokio::test(start_paused = true)]
async fn one_seed_makes_one_sequence_of_choices() {
    let mut sequences = Vec::new();
    for _ in 0..2 {
        let field = field(7, Balancing::PeakEwma).await;
        sequences.push((0..100).map(|_| field.pick_once(&any())).collect::<Vec<_>>());
    }
    assert_eq!(sequences[0], sequences[1]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_its_deadline_ends_is_a_failure_and_one_that_its_caller_ends_is_not() {
    let field = field(1, Balancing::PeakEwma).await;
    for _ in 0..10 {
        drop(field.pick(&any()).unwrap());
    }
    assert!(!field.endpoints[0].gauges.record.failed_in_a_row());
    let deadline = crate::deadline::Deadline::after(Duration::from_secs(1)).unwrap();
    let places: Vec<_> =
        crate::deadline::scope(deadline, async { (0..7).map(|_| field.pick(&any()).unwrap()).collect() })
            .await;
    tokio::time::advance(Duration::from_secs(1)).await;
    drop(places);
    assert!(field.endpoints[0].gauges.record.failed_in_a_row());
    assert_eq!(field.wires.calls.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_as_fast_as_its_first_message() {
    let field = field(1, Balancing::PeakEwma).await;
    let load = &field.endpoints[0].gauges.load;
    let cost = || load.cost(&field.wires.scale, field.wires.epoch.tick(Instant::now()));
    let mut stream = field.pick(&any()).unwrap();
    tokio::time::advance(Duration::from_millis(20)).await;
    stream.heard();
    tokio::time::advance(Duration::from_millis(50)).await;
    stream.heard();
    // Told at the second message, with the stream still in flight.
    assert!((cost() / (2.0 * 0.020) - 1.0).abs() < 0.01, "{}", cost());
    tokio::time::advance(Duration::from_secs(3_600)).await;
    stream.finish(Code::Ok, None);
    drop(stream);
    assert!(cost() < 0.001, "an hour of messages is no latency: {}", cost());
}
