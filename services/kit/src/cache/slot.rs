//! One slot of the cache: what it holds, at which version, and until when it may be believed. No I/O, no clock.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use moka::Expiry;
use tokio::time::Instant;

use super::{
    CacheConfig, LoadError,
    hearing::{Moment, Trust},
};

/// A value is refreshed after this part of its lifetime, in percent.
const SOFT_PERCENT: u32 = 80;
/// How far lifetimes are spread around their middle, in percent.
const PRESENT_SPREAD: u32 = 10;
const ABSENT_SPREAD: u32 = 50;

#[derive(Debug)]
pub(super) enum State<V> {
    Present(Arc<V>),
    Absent,
    /// Nothing is held; only the version is known, and what is older may not come in.
    Floor,
}

#[derive(Debug)]
pub(super) struct Slot<V> {
    state: State<V>,
    version: u64,
    /// When the store was asked: what it said is vouched for from here on.
    read: Moment,
    /// From here on a present value is refreshed in the background.
    soft_at: Instant,
    /// From here on the state is as good as [`State::Floor`].
    hard_at: Instant,
    /// From here on not even the version is worth keeping.
    forget_at: Instant,
    /// The last load failed; until then there is no other.
    failure: Option<(Instant, LoadError)>,
}

/// What a slot is good for at some moment.
#[derive(Debug)]
pub(super) enum Verdict<V> {
    Fresh(Option<Arc<V>>),
    /// Good enough to answer with; `refresh` unless the last one failed just now.
    Stale {
        value: Arc<V>,
        refresh: bool,
    },
    /// Nothing to answer with, and a load failed just now.
    Failing(LoadError),
    Missing,
}

impl<V> Slot<V> {
    pub(super) fn present(
        config: &CacheConfig,
        hash: u64,
        version: u64,
        value: Arc<V>,
        read: Moment,
    ) -> Self {
        let ttl = spread(config.present_ttl, PRESENT_SPREAD, hash);
        let (soft_at, hard_at) = (read.at + ttl * SOFT_PERCENT / 100, read.at + ttl);
        let state = State::Present(value);
        Self { state, version, read, soft_at, hard_at, forget_at: hard_at, failure: None }
    }

    /// `version` is the floor that this absence was measured against; it outlives the absence itself.
    pub(super) fn absent(config: &CacheConfig, hash: u64, version: u64, read: Moment) -> Self {
        let hard_at = read.at + spread(config.absent_ttl, ABSENT_SPREAD, hash);
        let forget_at = if version == 0 { hard_at } else { hard_at.max(read.at + config.floor_ttl) };
        Self { state: State::Absent, version, read, soft_at: hard_at, hard_at, forget_at, failure: None }
    }

    pub(super) fn floor(config: &CacheConfig, version: u64, now: Moment) -> Self {
        Self::nothing(version, now, now.at + config.floor_ttl)
    }

    fn nothing(version: u64, now: Moment, forget_at: Instant) -> Self {
        let at = now.at;
        let state = State::Floor;
        Self { state, version, read: now, soft_at: at, hard_at: at, forget_at, failure: None }
    }

    /// The same slot after a failed load: no lifetime is longer for it, but a key that has nothing else is kept for
    /// as long as it fails fast.
    pub(super) fn failed(current: Option<&Self>, until: Instant, error: LoadError, now: Moment) -> Self {
        let Some(slot) = current else {
            return Self { failure: Some((until, error)), ..Self::nothing(0, now, until) };
        };
        let state = match &slot.state {
            State::Present(value) => State::Present(Arc::clone(value)),
            State::Absent => State::Absent,
            State::Floor => State::Floor,
        };
        let forget_at = slot.forget_at.max(until);
        Self { state, forget_at, failure: Some((until, error)), ..*slot }
    }

    pub(super) fn verdict(&self, trust: &Trust) -> Verdict<V> {
        let now = trust.now.at;
        let failing = self.failure.as_ref().filter(|(until, _)| now < *until);
        let refused = || failing.map_or(Verdict::Missing, |(_, error)| Verdict::Failing(error.clone()));
        if now >= self.hard_at || !trust.covers(self.read) {
            return refused();
        }
        match &self.state {
            State::Present(value) if now < self.soft_at => Verdict::Fresh(Some(Arc::clone(value))),
            State::Present(value) => Verdict::Stale { value: Arc::clone(value), refresh: failing.is_none() },
            State::Absent => Verdict::Fresh(None),
            State::Floor => refused(),
        }
    }

    /// Whether it would have an answer, if only it were sure that nothing went unheard since.
    pub(super) fn is_doubted(&self, trust: &Trust) -> bool {
        let is_alive = trust.now.at < self.hard_at && !matches!(self.state, State::Floor);
        is_alive && !trust.covers(self.read)
    }

    pub(super) fn was_read_before(&self, moment: Moment) -> bool {
        self.read.at <= moment.at
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self.state, State::Absent)
    }

    pub(super) fn is_floor(&self) -> bool {
        matches!(self.state, State::Floor)
    }

    /// The version that what comes in from the store must reach; 0 once it is forgotten.
    pub(super) fn floor_version(&self, now: Instant) -> u64 {
        if now < self.forget_at { self.version } else { 0 }
    }

    /// Whether a value that a writer committed at `version` may take this slot.
    pub(super) fn admits(&self, version: u64, now: Instant) -> bool {
        match self.state {
            _ if now >= self.forget_at => true,
            State::Present(_) | State::Absent => version > self.version,
            // The floor is the version that invalidated, so the value of that very version is what is waited for.
            State::Floor => version >= self.version,
        }
    }

    /// Whether an event about `version` says nothing new.
    pub(super) fn covers(&self, version: u64, now: Instant) -> bool {
        match self.state {
            _ if now >= self.forget_at => false,
            // Somebody was there at that version: maybe before the absence, maybe because the key began anew.
            State::Absent => false,
            State::Present(_) | State::Floor => self.version >= version,
        }
    }

    pub(super) fn value(&self) -> Option<&V> {
        match &self.state {
            State::Present(value) => Some(value),
            State::Absent | State::Floor => None,
        }
    }
}

/// A number that is always the same for one key and spreads over all keys.
pub(super) fn hash_of<K: Hash>(key: &K) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// `ttl` lengthened or shortened by up to `percent`, evenly by `hash`.
fn spread(ttl: Duration, percent: u32, hash: u64) -> Duration {
    // The top 32 bits as a fraction: enough, and exact in the arithmetic below.
    let fraction = u32::try_from(hash >> 32).unwrap_or(u32::MAX);
    let least = ttl * (100 - percent) / 100;
    let width = ttl * (2 * percent) / 100;
    least + width.mul_f64(f64::from(fraction) / f64::from(u32::MAX))
}

/// Tells Moka when a slot is garbage. Both methods are needed: by default an update keeps the deadline of what it
/// replaces, and a value that fills a floor would go with the floor.
pub(super) struct Garbage;

#[expect(clippy::disallowed_types, reason = "Moka's trait names std's clock; nothing here reads it")]
type MokaInstant = std::time::Instant;

impl<K, V> Expiry<K, Arc<Slot<V>>> for Garbage {
    fn expire_after_create(&self, _: &K, slot: &Arc<Slot<V>>, _: MokaInstant) -> Option<Duration> {
        Some(slot.forget_at.saturating_duration_since(Instant::now()))
    }

    fn expire_after_update(
        &self,
        _: &K,
        slot: &Arc<Slot<V>>,
        _: MokaInstant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(slot.forget_at.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests;
