//! Who gets the next call.
//!
//! A call looks at two endpoints, whether there are ten or ten thousand. Only when neither of three pairs takes it
//! does it ask all of them, one after the other: an endpoint that cannot take a call is never chosen while another
//! one can.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::time::Instant;

use super::{
    BalanceConfig, Balancing, Place, Ready, Scale, SlowStartConfig, Snapshot,
    random::{Random, below, two_below},
    ticks::Tick,
    wish::Wish,
};
use crate::client::{endpoint::Endpoint, outlier::Standing, pool::Connection};

/// How often two (or more) are drawn before all are asked.
const DRAWS: usize = 3;

/// How much an endpoint is wanted for a call, apart from its load. What is less is chosen first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It needs one call to prove itself. Its load would never win it one.
    Probe,
    Usual,
    /// It is new, and not yet its turn.
    New,
    /// The call has been there before.
    Tried,
}

/// Chooses endpoints by one policy.
#[derive(Debug)]
pub(in crate::client) struct Picker {
    policy: Balancing,
    load_bound: f64,
    load_bound_floor: usize,
    turn: AtomicUsize,
}

/// One choice: who may be chosen, for what call, and when.
#[derive(Clone, Copy)]
pub(in crate::client) struct Choice<'a> {
    pub(in crate::client) snapshot: &'a Snapshot,
    pub(in crate::client) wish: &'a Wish,
    pub(in crate::client) random: &'a Random,
    pub(in crate::client) scale: &'a Scale,
    pub(in crate::client) slow_start: &'a SlowStartConfig,
    /// Calls in flight on all endpoints, this one included.
    pub(in crate::client) in_flight: usize,
    pub(in crate::client) now: Instant,
    pub(in crate::client) tick: Tick,
}

impl Picker {
    pub(in crate::client) fn new(config: &BalanceConfig) -> Self {
        Self {
            policy: config.policy,
            load_bound: config.load_bound,
            load_bound_floor: usize::try_from(config.load_bound_floor).unwrap_or(usize::MAX),
            turn: AtomicUsize::new(0),
        }
    }

    /// A place for a call, or none: then no endpoint can take it now.
    pub(in crate::client) fn pick(&self, choice: Choice<'_>) -> Option<Place> {
        if let Some(key) = choice.wish.key
            && let Some(place) = self.by_key(key, choice)
        {
            return Some(place);
        }
        let ready = &choice.snapshot.ready;
        match ready.len() {
            0 => return None,
            1 => {}
            count => {
                for _ in 0..DRAWS {
                    if let Some(place) = self.draw(count, choice) {
                        return Some(place);
                    }
                }
            }
        }
        self.ask_all(choice)
    }

    /// By one of a few endpoints.
    fn draw(&self, count: usize, choice: Choice<'_>) -> Option<Place> {
        let at = |index: usize| &choice.snapshot.ready[index];
        let least_request = match self.policy {
            Balancing::RoundRobin => {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed);
                let (ready, next) = (at(turn % count), at(turn.wrapping_add(1) % count));
                let wanted = choice.rank(&ready.endpoint).is_some_and(|rank| rank < Rank::Tried);
                return (wanted && !choice.is_new_beside(&ready.endpoint, &next.endpoint))
                    .then(|| choice.enter(ready))
                    .flatten();
            }
            Balancing::LeastRequest { choice_count } => Some(choice_count),
            Balancing::PeakEwma => None,
        };
        let weigh = |ready| choice.weigh(ready, least_request.is_some());
        let (one, other) = two_below(count, choice.random.next());
        let (one, other) = (at(one), at(other));
        let (mut best, mut next) = (weigh(one), weigh(other));
        choice.make_way(&mut best, &other.endpoint);
        choice.make_way(&mut next, &one.endpoint);
        if is_better(next, best) {
            std::mem::swap(&mut best, &mut next);
        }
        for _ in 2..least_request.unwrap_or(2) {
            let third = weigh(at(below(count, upper(choice.random.next()))));
            if is_better(third, best) {
                (best, next) = (third, best);
            }
        }
        // The second of the two is as good as a new draw.
        [best, next].into_iter().flatten().find_map(|candidate| {
            (candidate.rank < Rank::Tried)
                .then(|| choice.enter_on(candidate.endpoint, candidate.first))
                .flatten()
        })
    }

    /// Where the key belongs, or the next one that has room within the bound ("Consistent Hashing with Bounded
    /// Loads": at most `c` times the mean of all calls in flight, this one included, rounded up).
    fn by_key(&self, key: u64, choice: Choice<'_>) -> Option<Place> {
        let members = &choice.snapshot.members;
        let mean = choice.in_flight as f64 / choice.snapshot.ready.len().max(1) as f64;
        let bound = ((self.load_bound * mean).ceil() as usize).max(self.load_bound_floor);
        members.ring().walk(key).find_map(|index| {
            let endpoint = members.all.get(index)?;
            let fits = endpoint.gauges.load.in_flight.taken() < bound;
            let wanted = fits && choice.rank(endpoint).is_some_and(|rank| rank < Rank::Tried);
            wanted.then(|| choice.enter_on(endpoint, None)).flatten()
        })
    }

    /// By whoever can take it: first those that the call has not been to.
    fn ask_all(&self, choice: Choice<'_>) -> Option<Place> {
        let ready = &choice.snapshot.ready;
        let first = match self.policy {
            Balancing::RoundRobin => self.turn.load(Ordering::Relaxed) % ready.len().max(1),
            _ => below(ready.len(), upper(choice.random.next())),
        };
        let around = || ready[first..].iter().chain(&ready[..first]);
        let untried =
            around().filter(|one| choice.rank(&one.endpoint).is_some_and(|rank| rank < Rank::Tried));
        if let Some(place) = untried.into_iter().find_map(|ready| choice.enter(ready)) {
            return Some(place);
        }
        choice.wish.tried?;
        around().filter(|one| choice.rank(&one.endpoint).is_some()).find_map(|ready| choice.enter(ready))
    }
}

#[derive(Clone, Copy)]
struct Candidate<'a> {
    endpoint: &'a Arc<Endpoint>,
    /// Its oldest connection, if that has room.
    first: Option<&'a Arc<Connection>>,
    rank: Rank,
    cost: f32,
}

fn is_better(one: Option<Candidate<'_>>, than: Option<Candidate<'_>>) -> bool {
    match (one, than) {
        (Some(one), Some(than)) => (one.rank, one.cost) < (than.rank, than.cost),
        (one, _) => one.is_some(),
    }
}

fn upper(bits: u64) -> u32 {
    (bits >> 32) as u32
}

impl Choice<'_> {
    fn weigh<'a>(&self, ready: &'a Ready, by_calls: bool) -> Option<Candidate<'a>> {
        let endpoint = &ready.endpoint;
        // Asked first, though only one of the two will need it: so the memory of both is fetched at once.
        let first = ready.first.as_ref().filter(|first| first.has_room());
        let rank = self.rank(endpoint)?;
        let cost = if by_calls {
            endpoint.gauges.load.in_flight.taken() as f32
        } else {
            endpoint.gauges.load.cost(self.scale, self.tick)
        };
        Some(Candidate { endpoint, first, rank, cost })
    }

    /// How much the endpoint is wanted for this call; `None` if not at all.
    fn rank(&self, endpoint: &Endpoint) -> Option<Rank> {
        let rank = match endpoint.gauges.record.standing() {
            Standing::HalfOpen => Rank::Probe,
            Standing::Closed => Rank::Usual,
            _ if self.snapshot.panic => Rank::Usual,
            _ => return None,
        };
        match &self.wish.tried {
            Some(tried) if tried.forbids(endpoint.key()) => None,
            Some(tried) if tried.contains(endpoint.key()) => Some(Rank::Tried),
            _ => Some(rank),
        }
    }

    fn is_new_beside(&self, endpoint: &Endpoint, other: &Endpoint) -> bool {
        endpoint
            .gauges
            .slow_start
            .yields_to(&other.gauges.slow_start, self.slow_start, self.tick, || self.random.fraction())
    }

    /// A candidate that is new stands behind the other one, unless it is its turn.
    fn make_way(&self, candidate: &mut Option<Candidate<'_>>, other: &Endpoint) {
        if let Some(candidate) = candidate
            && candidate.rank == Rank::Usual
            && self.is_new_beside(candidate.endpoint, other)
        {
            candidate.rank = Rank::New;
        }
    }

    fn enter(&self, ready: &Ready) -> Option<Place> {
        self.enter_on(&ready.endpoint, ready.first.as_ref())
    }

    /// A place on the endpoint, if it has one.
    fn enter_on(&self, endpoint: &Arc<Endpoint>, first: Option<&Arc<Connection>>) -> Option<Place> {
        let probe = endpoint.gauges.record.try_probe();
        if !probe && !self.snapshot.panic && endpoint.gauges.record.standing() != Standing::Closed {
            return None;
        }
        let place = endpoint.take(first, self.now, probe);
        if place.is_none() && probe {
            endpoint.gauges.record.return_probe();
        }
        place
    }
}

#[cfg(test)]
mod tests;
