//! Where intents are: shards by aggregate, buckets by time.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use uuid::Uuid;

use super::key::Key;
use crate::clock::UnixMillis;

/// Shards of the outbox; each is swept by one instance at a time.
pub(super) const SHARDS: i16 = 16;
const BUCKET_MS: u64 = 10_000;

/// Where the intent of one attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) shard: i16,
    pub(super) bucket: i32,
    pub(super) attempt: Uuid,
}

/// One aggregate's events are all in one shard, so that one instance sweeps them, in order.
pub(super) fn shard_of(key: &Key) -> i16 {
    // FNV-1a: spreads well enough, and is the same in every build.
    let hash = key.encode().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i16::try_from((hash ^ (hash >> 32)) % u64::from(SHARDS.unsigned_abs())).unwrap_or_default()
}

pub(super) fn bucket_at(time: UnixMillis) -> i32 {
    i32::try_from(time.0 / BUCKET_MS).unwrap_or(i32::MAX)
}

pub(super) fn bucket_start(bucket: i32) -> UnixMillis {
    UnixMillis(u64::try_from(bucket).unwrap_or_default() * BUCKET_MS)
}

pub(super) fn bucket_end(bucket: i32) -> UnixMillis {
    bucket_start(bucket).after(Duration::from_millis(BUCKET_MS))
}

/// Buckets in a length of time.
pub(super) fn buckets_in(time: Duration) -> i32 {
    bucket_at(UnixMillis::default().after(time))
}

/// The most events whose places are remembered: 16 times what the relay holds by default.
const EVENTS_MAX: usize = 65_536;
/// The most attempts of one event: whoever repeats itself more often than this leaves the rest to the sweeper.
const ATTEMPTS_MAX: usize = 4;

/// The places of events that are committed and will be marked soon. Bounded; the oldest are forgotten first, and the
/// sweeper marks what was forgotten.
#[derive(Debug, Default)]
pub(super) struct Places {
    by_event: HashMap<Uuid, Vec<Place>>,
    order: VecDeque<Uuid>,
}

impl Places {
    pub(super) fn remember(&mut self, event: Uuid, place: Place) {
        let places = self.by_event.entry(event).or_default();
        if places.is_empty() {
            self.order.push_back(event);
        }
        if !places.contains(&place) && places.len() < ATTEMPTS_MAX {
            places.push(place);
        }
        // Ids that were taken since are still in the order; they go when they are its oldest.
        while self.order.len() > EVENTS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_event.remove(&oldest);
        }
    }

    pub(super) fn take(&mut self, event: &Uuid) -> Vec<Place> {
        self.by_event.remove(event).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(attempt: u128) -> Place {
        Place { shard: 1, bucket: 2, attempt: Uuid::from_u128(attempt) }
    }

    #[test]
    fn the_oldest_places_are_forgotten_first() {
        let mut places = Places::default();
        let events = (0..=EVENTS_MAX as u128).map(Uuid::from_u128);
        events.clone().for_each(|event| places.remember(event, place(1)));
        assert_eq!(places.take(&Uuid::from_u128(0)), []);
        assert_eq!(places.take(&Uuid::from_u128(1)), [place(1)]);
        assert_eq!((places.by_event.len(), places.order.len()), (EVENTS_MAX - 1, EVENTS_MAX));
    }

    #[test]
    fn every_attempt_of_an_event_has_its_place() {
        let mut places = Places::default();
        let event = Uuid::from_u128(7);
        [1, 2, 1, 3, 4, 5].into_iter().for_each(|attempt| places.remember(event, place(attempt)));
        assert_eq!(places.take(&event), [1, 2, 3, 4].map(place));
        assert_eq!(places.take(&event), []);
    }

    #[test]
    fn every_shard_gets_its_part() {
        let mut counts = [0; SHARDS as usize];
        for n in 0..16_000_u128 {
            // Version 7: the first bits are a time, and nearly the same.
            let id = Uuid::from_u128(0x0191_2345_6789_7000_8000_0000_0000_0000 + n);
            counts[usize::try_from(shard_of(&Key::Uuid(id))).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (700..1300).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_bucket_is_ten_seconds() {
        let bucket = bucket_at(UnixMillis(1_700_000_009_999));
        assert_eq!(bucket_start(bucket), UnixMillis(1_700_000_000_000));
        assert_eq!(bucket_end(bucket), UnixMillis(1_700_000_010_000));
        assert_eq!(buckets_in(Duration::from_secs(60)), 6);
    }
}
