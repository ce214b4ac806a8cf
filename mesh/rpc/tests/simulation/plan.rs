//! What will happen in a world: the load, the faults, and how everybody is configured. All of it from the seed.

use std::{collections::BTreeSet, time::Duration};

use mesh_rpc::Balancing;

use crate::{
    dice::Dice,
    host::{Host, Replica, SERVICES},
};

/// The network goes on in steps of that.
pub(crate) const TICK: Duration = Duration::from_millis(5);
/// When the load begins, and how long it goes on.
const BEGIN: Duration = Duration::from_millis(100);
const LOAD: u64 = 2_200;
/// How long after the last fault everything must be well again: dead connections are noticed within 400 ms, connected
/// again within 300 ms, nobody is ejected for longer than 600 ms, nor for what was more than 500 ms before, and a
/// refusal holds calls back for a second.
const HEALING: Duration = Duration::from_millis(1_400);
/// Repeats for each call that may be repeated.
pub(crate) const BUDGET: f64 = 0.2;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Hedged.
    Read,
    /// Retried.
    Put,
    /// Never repeated.
    Pay,
    /// Retried, answered by a stream.
    List,
}

/// Which faults a world has, and hence what must not happen in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// None: nothing may fail, and nothing is repeated but reads.
    Calm,
    /// All servers are restarted, one after the other: nothing may fail.
    Rolling,
    /// Servers are slow, fail and refuse, on a network that is well.
    Servers,
    /// Everything.
    Chaos,
}

/// A call of the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) at: Duration,
    pub(crate) kind: Kind,
    pub(crate) timeout: Duration,
}

/// How a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Well,
    /// Takes longer by that.
    Slow(Duration),
    /// Fails so many calls of a hundred: UNAVAILABLE.
    Failing(u64),
    /// Answers RESOURCE_EXHAUSTED at once, with this pushback in milliseconds.
    Refusing(Option<i64>),
}

/// Something that is done to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Cut(Host, Host),
    CutOneWay(Host, Host),
    Mend(Host, Host),
    Hold(Host, Host),
    Release(Host, Host),
    /// Messages take up to so long.
    Latency(Host, Host, Duration),
    Crash(Replica),
    Bounce(Replica),
    Restart(Replica),
    Become(Replica, Mode),
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) family: Family,
    pub(crate) max_latency: Duration,
    pub(crate) offers: Vec<Offer>,
    pub(crate) steps: Vec<(Duration, Step)>,
    /// From when on every call must be answered.
    pub(crate) healed: Duration,
    pub(crate) policy: Balancing,
    pub(crate) by_name: bool,
    pub(crate) watches_health: bool,
    pub(crate) lame_duck: Duration,
    pub(crate) max_ejection_percent: u32,
    pub(crate) failures_in_a_row: u32,
    pub(crate) min_repeats_per_second: u32,
    pub(crate) looks_at_rolling_rates: bool,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let family = match dice.below(100) {
            0..8 => Family::Calm,
            8..30 => Family::Rolling,
            30..50 => Family::Servers,
            _ => Family::Chaos,
        };
        let max_latency = dice.millis(5, 20);
        let policies =
            [Balancing::PeakEwma, Balancing::LeastRequest { choice_count: 2 }, Balancing::RoundRobin];
        let steps = match family {
            Family::Calm => Vec::new(),
            Family::Rolling => rolling(dice),
            Family::Servers => troubles(dice, false, max_latency),
            Family::Chaos => troubles(dice, true, max_latency),
        };
        let lame_duck = if dice.percent(50) { dice.millis(10, 50) } else { Duration::ZERO };
        let last = steps.last().map_or(BEGIN, |(at, _)| *at);
        let end = BEGIN + Duration::from_millis(LOAD);
        let healing = if matches!(family, Family::Calm | Family::Rolling) { Duration::ZERO } else { HEALING };
        Self {
            seed,
            family,
            max_latency,
            offers: offers(dice, family, &steps, lame_duck),
            steps,
            healed: (last + healing).max(end),
            policy: dice.one_of(&policies),
            by_name: dice.percent(50),
            watches_health: dice.percent(30),
            lame_duck,
            max_ejection_percent: dice.one_of(&[10, 50, 70]),
            failures_in_a_row: dice.one_of(&[3, 5]),
            min_repeats_per_second: dice.one_of(&[0, 0, 1]),
            looks_at_rolling_rates: dice.percent(40),
        }
    }

    /// How long a message may be under way at most; `None`: nobody knows.
    pub(crate) fn lag(&self) -> Option<Duration> {
        let of_the_network = |step: &Step| {
            matches!(step, Step::Hold(..) | Step::Latency(..) | Step::Cut(..) | Step::CutOneWay(..))
        };
        let is_well = !self.steps.iter().any(|(_, step)| of_the_network(step));
        is_well.then_some(self.max_latency + 2 * TICK)
    }

    pub(crate) fn crashes(&self) -> bool {
        self.steps.iter().any(|(_, step)| matches!(step, Step::Crash(_)))
    }

    /// How many of the three endpoints of a channel may be ejected at once.
    pub(crate) fn most_ejected(&self) -> usize {
        (3 * self.max_ejection_percent as usize / 100).max(1)
    }
}

fn offers(dice: &mut Dice, family: Family, steps: &[(Duration, Step)], lame_duck: Duration) -> Vec<Offer> {
    // Half of all worlds ask mostly for one thing, so that its budget is felt.
    let favourite = dice.percent(50).then(|| dice.one_of(&[Kind::Read, Kind::Put, Kind::Pay]));
    let mut offers: Vec<_> = (0..40 + dice.below(30))
        .map(|_| {
            let kind = match (favourite, dice.below(10)) {
                (Some(kind), 3..) => kind,
                (_, 0..3) => Kind::Read,
                (_, 3..6) => Kind::Put,
                (_, 6..9) => Kind::Pay,
                _ => Kind::List,
            };
            let timeout = match family {
                // Long enough for everything that may happen.
                Family::Calm | Family::Rolling => dice.millis(1_000, 1_500),
                _ => dice.millis(100, 900),
            };
            let at = if family == Family::Rolling && dice.percent(70) {
                // About when a server says GOAWAY.
                dice.one_of(steps).0 + lame_duck + dice.millis(0, 25)
            } else {
                BEGIN + dice.millis(0, LOAD)
            };
            Offer { at, kind, timeout }
        })
        .collect();
    offers.sort_by_key(|offer| offer.at);
    offers
}

/// Every server once, each only when the one before is back.
fn rolling(dice: &mut Dice) -> Vec<(Duration, Step)> {
    let mut replicas: Vec<_> = Replica::all().collect();
    dice.shuffle(&mut replicas);
    let mut at = BEGIN;
    let restart = |replica| {
        at += dice.millis(200, 260);
        (at, Step::Restart(replica))
    };
    replicas.into_iter().map(restart).collect()
}

/// One to six troubles, at any time; each link and each server has one of a kind at most, and what crashes has no
/// trouble with its links.
fn troubles(dice: &mut Dice, with_network: bool, max_latency: Duration) -> Vec<(Duration, Step)> {
    let mut steps = Vec::new();
    let (mut links, mut programs, mut modes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut crashing = BTreeSet::new();
    // Servers of one service often fail together.
    let service = dice.below(SERVICES.len() as u64);
    let together = dice.percent(50);
    if dice.percent(25) {
        // All of them, for once.
        let begin = BEGIN + dice.millis(0, LOAD / 2);
        let end = begin + dice.millis(300, 1_000);
        for replica in Replica::of(usize::try_from(service).unwrap()) {
            modes.insert(replica);
            let failing = Step::Become(replica, Mode::Failing(100));
            steps.extend([(begin, failing), (end, Step::Become(replica, Mode::Well))]);
        }
    }
    for _ in 0..=dice.below(6) {
        let begin = BEGIN + dice.millis(0, LOAD * 2 / 3);
        let end = begin + dice.millis(150, 900);
        let server = if together && dice.percent(80) {
            usize::try_from(service).unwrap()
        } else {
            dice.one_of(&[0, 1, 2])
        };
        let replica = dice.one_of(&Replica::of(server).collect::<Vec<_>>());
        let caller = match server.checked_sub(1) {
            None => Host::Client,
            Some(before) => Host::Server(dice.one_of(&Replica::of(before).collect::<Vec<_>>())),
        };
        let link = (caller, Host::Server(replica));
        match if with_network { dice.below(10) } else { 6 + dice.below(4) } {
            what @ 0..4
                if !crashing.contains(&link.0) && !crashing.contains(&link.1) && links.insert(link) =>
            {
                let (a, b) = link;
                let (first, last) = match what {
                    0 => (Step::Cut(a, b), Step::Mend(a, b)),
                    1 if dice.percent(50) => (Step::CutOneWay(a, b), Step::Mend(a, b)),
                    1 => (Step::CutOneWay(b, a), Step::Mend(a, b)),
                    2 => (Step::Hold(a, b), Step::Release(a, b)),
                    _ => (Step::Latency(a, b, dice.millis(50, 400)), Step::Latency(a, b, max_latency)),
                };
                steps.extend([(begin, first), (end, last)]);
            }
            4 if !links.iter().any(|(a, b)| [*a, *b].contains(&link.1)) && programs.insert(replica) => {
                crashing.insert(link.1);
                steps.extend([(begin, Step::Crash(replica)), (end, Step::Bounce(replica))]);
            }
            5 if programs.insert(replica) => steps.push((begin, Step::Restart(replica))),
            6.. if modes.insert(replica) => {
                let mode = match dice.below(5) {
                    0 => Mode::Slow(dice.millis(50, 400)),
                    1 => Mode::Refusing(dice.one_of(&[None, Some(-1), Some(30), Some(200)])),
                    _ => Mode::Failing(dice.one_of(&[30, 70, 100])),
                };
                steps
                    .extend([(begin, Step::Become(replica, mode)), (end, Step::Become(replica, Mode::Well))]);
            }
            _ => {}
        }
    }
    steps.sort_by_key(|(at, _)| *at);
    steps
}
