//! What one instance knows by heart: what it holds, where the queue begins, and who else is at work on it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use service_kit::clock::UnixMillis;
use tokio::time::Instant;

use super::due::SHARDS;
use crate::domain::{Notification, NotificationId};

/// How far behind the clock claims begin at the latest. A pointer is written within seconds of the time it carries, by
/// a clock that may be a little slow.
const MARGIN: Duration = Duration::from_secs(300);

/// How often a claim looks for pointers that came in even further behind.
const LOOK_BACK_EVERY: Duration = Duration::from_secs(600);

/// How long an instance counts as being at work after it was last seen.
const SEEN: Duration = Duration::from_secs(60);

/// Other instances that are remembered. More than that share the shards less evenly, and nothing else happens.
const PEERS_MAX: usize = 64;

/// A notification that is sent here, now or next.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// The version that made it ours.
    pub(super) version: i64,
    /// The version that made it due.
    pub(super) due_version: i64,
    /// The notification as its row tells it.
    pub(super) notification: Notification,
}

/// What an instance knows by heart.
#[derive(Debug, Default)]
pub(super) struct Desk(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// At most what was claimed or taken on to be sent, and is not settled.
    held: HashMap<NotificationId, Held>,
    /// Nothing due is older than this, shard by shard.
    floors: [UnixMillis; SHARDS as usize],
    looked_back: Option<Instant>,
    /// Other instances, and when they were last seen.
    peers: HashMap<String, Instant>,
}

/// What is held while its row is being written; let go when this is dropped, unless it is kept.
#[derive(Debug)]
pub(super) struct Reservation<'a> {
    desk: &'a Desk,
    id: NotificationId,
    is_kept: bool,
}

impl Reservation<'_> {
    /// Its row says so too.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.desk.let_go(self.id);
        }
    }
}

impl Desk {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds what is just being claimed or taken on, before its row says so: a lease in our name that the desk does not
    /// know is one to be claimed. Nothing, if it is held already: of all who want it here, one writes.
    pub(super) fn reserve(&self, held: Held) -> Option<Reservation<'_>> {
        let id = held.notification.id;
        let mut known = self.known();
        if known.held.contains_key(&id) {
            return None;
        }
        known.held.insert(id, held);
        Some(Reservation { desk: self, id, is_kept: false })
    }

    pub(super) fn held(&self, id: NotificationId) -> Option<Held> {
        self.known().held.get(&id).cloned()
    }

    pub(super) fn holds(&self, id: NotificationId) -> bool {
        self.known().held.contains_key(&id)
    }

    pub(super) fn let_go(&self, id: NotificationId) {
        self.known().held.remove(&id);
    }

    /// Where each shard's queue begins; now and then at the beginning of time.
    pub(super) fn floors(&self) -> Vec<(i16, UnixMillis)> {
        let mut known = self.known();
        let now = Instant::now();
        let is_look_back = known.looked_back.is_none_or(|last| now.duration_since(last) >= LOOK_BACK_EVERY);
        if is_look_back {
            known.looked_back = Some(now);
            known.floors = Default::default();
        }
        (0..SHARDS).zip(known.floors).collect()
    }

    /// A walk found the first pointers of some shards to be due then.
    pub(super) fn raise(&self, firsts: impl Iterator<Item = (i16, UnixMillis)>, now: UnixMillis) {
        let margin = u64::try_from(MARGIN.as_millis()).unwrap_or(u64::MAX);
        let latest = UnixMillis(now.0.saturating_sub(margin));
        let mut known = self.known();
        for (shard, first) in firsts {
            if let Some(floor) = usize::try_from(shard).ok().and_then(|shard| known.floors.get_mut(shard)) {
                *floor = first.min(latest);
            }
        }
    }

    /// Somebody else is at work.
    pub(super) fn saw(&self, instance: String) {
        let mut known = self.known();
        if known.peers.len() < PEERS_MAX || known.peers.contains_key(&instance) {
            known.peers.insert(instance, Instant::now());
        }
    }

    /// Whether a shard is one that `me` takes from first. Everybody who is at work comes to the same division by
    /// themselves: their names are sorted, and shards dealt out in that order.
    pub(super) fn is_first_choice(&self, me: &str, shard: i16) -> bool {
        let mut known = self.known();
        known.peers.retain(|_, seen| seen.elapsed() < SEEN);
        let before_me = known.peers.keys().filter(|peer| peer.as_str() < me).count();
        let instances = known.peers.len() + 1;
        usize::try_from(shard).is_ok_and(|shard| shard % instances == before_me)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_is_seen_gets_a_share_of_the_shards_until_it_is_not_seen_any_more() {
        let (a, b) = (Desk::default(), Desk::default());
        let firsts = |desk: &Desk, me| (0..SHARDS).filter(|shard| desk.is_first_choice(me, *shard)).count();
        assert_eq!(firsts(&a, "a"), 16, "alone");
        a.saw("b".to_owned());
        b.saw("a".to_owned());
        assert_eq!((firsts(&a, "a"), firsts(&b, "b")), (8, 8));
        assert!((0..SHARDS).all(|shard| a.is_first_choice("a", shard) != b.is_first_choice("b", shard)));
        tokio::time::advance(SEEN).await;
        assert_eq!(firsts(&a, "a"), 16, "alone again");
    }

    #[tokio::test(start_paused = true)]
    async fn claims_begin_at_the_oldest_pointer_and_now_and_then_at_the_beginning() {
        let (desk, now) = (Desk::default(), UnixMillis(10_000_000));
        let floor = |desk: &Desk, shard: usize| desk.floors()[shard].1;
        assert_eq!(floor(&desk, 3), UnixMillis(0), "first of all");
        let margin = UnixMillis(now.0 - 300_000);
        desk.raise([(3, UnixMillis(5_000)), (4, now), (5, UnixMillis(u64::MAX))].into_iter(), now);
        assert_eq!((floor(&desk, 3), floor(&desk, 4), floor(&desk, 5)), (UnixMillis(5_000), margin, margin));
        assert_eq!(floor(&desk, 6), UnixMillis(0), "not read");
        tokio::time::advance(LOOK_BACK_EVERY).await;
        assert_eq!(floor(&desk, 4), UnixMillis(0));
    }
}
