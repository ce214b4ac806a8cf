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
    BalanceConfig, Balancing, Place, Scale, SlowStartConfig, Snapshot,
    random::{Draws, below, two_below},
    snapshot::Ready,
    ticks::Tick,
    wish::Wish,
};
use crate::client::{outlier::Standing, pool::Connection};

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
pub(in crate::client) struct Choice<'a> {
    pub(in crate::client) snapshot: &'a Snapshot,
    pub(in crate::client) wish: &'a Wish,
    pub(in crate::client) draws: Draws,
    pub(in crate::client) scale: &'a Scale,
    pub(in crate::client) slow_start: &'a SlowStartConfig,
    /// How many calls may be in flight on one endpoint.
    pub(in crate::client) max_in_flight: usize,
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
    pub(in crate::client) fn pick(&self, choice: &Choice<'_>) -> Option<Place> {
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
    fn draw(&self, count: usize, choice: &Choice<'_>) -> Option<Place> {
        let at = |index: usize| &choice.snapshot.ready[index];
        let least_request = match self.policy {
            Balancing::RoundRobin => {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed);
                let (ready, next) = (at(turn % count), at(turn.wrapping_add(1) % count));
                let wanted = choice.rank(ready).is_some_and(|rank| rank < Rank::Tried);
                return (wanted && !choice.is_new_beside(ready, next)).then(|| choice.enter(ready)).flatten();
            }
            Balancing::LeastRequest { choice_count } => Some(choice_count),
            Balancing::PeakEwma => None,
        };
        let weigh = |ready| choice.weigh(ready, least_request.is_some());
        let (one, other) = two_below(count, choice.draws.next());
        let (one, other) = (at(one), at(other));
        let (mut best, mut next) = (weigh(one), weigh(other));
        choice.make_way(&mut best, other);
        choice.make_way(&mut next, one);
        if is_better(next, best) {
            std::mem::swap(&mut best, &mut next);
        }
        for _ in 2..least_request.unwrap_or(2) {
            let third = weigh(at(below(count, upper(choice.draws.next()))));
            if is_better(third, best) {
                (best, next) = (third, best);
            }
        }
        // The second of the two is as good as a new draw.
        [best, next].into_iter().flatten().find_map(|candidate| {
            (candidate.rank < Rank::Tried)
                .then(|| choice.enter_on(candidate.ready, candidate.first))
                .flatten()
        })
    }

    /// Where the key belongs, or the next one that has room within the bound ("Consistent Hashing with Bounded
    /// Loads": at most `c` times the mean of all calls in flight, this one included, rounded up).
    fn by_key(&self, key: u64, choice: &Choice<'_>) -> Option<Place> {
        choice.snapshot.by_key(key).find_map(|ready| {
            // Asked first, though it is needed last: so its memory is fetched beside that of the gauges.
            let first = ready.first.as_ref().filter(|first| first.has_room());
            let taken = ready.gauges.load.in_flight.taken();
            // Nearly always there is no need to know the mean.
            let fits = taken < self.load_bound_floor || taken < self.bound(choice);
            let wanted = fits && choice.rank(ready).is_some_and(|rank| rank < Rank::Tried);
            wanted.then(|| choice.enter_on(ready, first)).flatten()
        })
    }

    fn bound(&self, choice: &Choice<'_>) -> usize {
        let mean = choice.in_flight as f64 / choice.snapshot.ready.len().max(1) as f64;
        (self.load_bound * mean).ceil() as usize
    }

    /// By whoever can take it: first those that the call has not been to.
    fn ask_all(&self, choice: &Choice<'_>) -> Option<Place> {
        let ready = &choice.snapshot.ready;
        let first = match self.policy {
            Balancing::RoundRobin => self.turn.load(Ordering::Relaxed) % ready.len().max(1),
            _ => below(ready.len(), upper(choice.draws.next())),
        };
        let around = || ready[first..].iter().chain(&ready[..first]);
        let untried = around().filter(|one| choice.rank(one).is_some_and(|rank| rank < Rank::Tried));
        if let Some(place) = untried.into_iter().find_map(|ready| choice.enter(ready)) {
            return Some(place);
        }
        choice.wish.tried?;
        around().filter(|one| choice.rank(one).is_some()).find_map(|ready| choice.enter(ready))
    }
}

#[derive(Clone, Copy)]
struct Candidate<'a> {
    ready: &'a Ready,
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
        // Asked first, though only one of the two will need it: so the memory of both is fetched at once.
        let first = ready.first.as_ref().filter(|first| first.has_room());
        let rank = self.rank(ready)?;
        let load = &ready.gauges.load;
        let cost = if by_calls { load.in_flight.taken() as f32 } else { load.cost(self.scale, self.tick) };
        Some(Candidate { ready, first, rank, cost })
    }

    /// How much the endpoint is wanted for this call; `None` if not at all.
    fn rank(&self, ready: &Ready) -> Option<Rank> {
        let rank = match ready.gauges.record.standing() {
            Standing::HalfOpen => Rank::Probe,
            Standing::Closed => Rank::Usual,
            _ if self.snapshot.panic => Rank::Usual,
            _ => return None,
        };
        match &self.wish.tried {
            Some(tried) if tried.forbids(ready.endpoint.key()) => None,
            Some(tried) if tried.contains(ready.endpoint.key()) => Some(Rank::Tried),
            _ => Some(rank),
        }
    }

    fn is_new_beside(&self, ready: &Ready, other: &Ready) -> bool {
        let (one, other) = (&ready.gauges.slow_start, &other.gauges.slow_start);
        one.yields_to(other, self.slow_start, self.tick, || self.draws.fraction())
    }

    /// A candidate that is new stands behind the other one, unless it is its turn.
    fn make_way(&self, candidate: &mut Option<Candidate<'_>>, other: &Ready) {
        if let Some(candidate) = candidate
            && candidate.rank == Rank::Usual
            && self.is_new_beside(candidate.ready, other)
        {
            candidate.rank = Rank::New;
        }
    }

    fn enter(&self, ready: &Ready) -> Option<Place> {
        self.enter_on(ready, ready.first.as_ref())
    }

    /// A place on the endpoint, if it has one, on `first` before all other connections.
    fn enter_on(&self, ready: &Ready, first: Option<&Arc<Connection>>) -> Option<Place> {
        let record = &ready.gauges.record;
        let probe = record.try_probe();
        if !probe && !self.snapshot.panic && record.standing() != Standing::Closed {
            return None;
        }
        let connection = self.take(ready, first);
        if connection.is_none() && probe {
            record.return_probe();
        }
        connection.map(|connection| Place::new(connection, self.now, probe))
    }

    /// Takes one of the calls that may be in flight on the endpoint, and a stream.
    fn take(&self, ready: &Ready, first: Option<&Arc<Connection>>) -> Option<Arc<Connection>> {
        let in_flight = &ready.gauges.load.in_flight;
        if !in_flight.take(self.max_in_flight) {
            return None;
        }
        let connection = match first.filter(|first| first.is_open() && first.take()) {
            Some(first) => Some(Arc::clone(first)),
            None => ready.endpoint.take_stream(),
        };
        if connection.is_none() {
            in_flight.give_back();
        }
        connection
    }
}

#[cfg(test)]
mod tests;
