//! Seeded bug, only with failpoints compiled in: the cache as Moka's own `try_get_with` and `invalidate` make it, which
//! do not exclude each other. A load that was in flight during a change pins what was there before it.

use std::hash::Hash;

use fail::fail_point;

use super::{Flight, Inner, Landing, LoadError, Verdict};

/// Whether the bug is turned on.
pub(super) fn is_on() -> bool {
    fail_point!("bug.cache-try-get-with", |_| true);
    false
}

impl<K, V> Inner<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// One load; whatever happens to the key meanwhile, its result is held.
    pub(super) async fn fly_plainly(&self, flight: Flight<K, V>) {
        let key = flight.key().clone();
        let load = async {
            let (loaded, _) = self.judge(&key, None).await;
            loaded.map(Into::into).ok_or(LoadError::Closed)
        };
        let trust = self.hearing.trust();
        if self.cache.get(&key).await.is_some_and(|slot| slot.is_doubted(&trust)) {
            self.cache.invalidate(&key).await;
        }
        let answer = match self.cache.try_get_with(key.clone(), load).await {
            Ok(slot) => match slot.verdict(&trust) {
                Verdict::Fresh(value) => Ok(value),
                Verdict::Stale { value, .. } => Ok(Some(value)),
                _ => Err(LoadError::Closed),
            },
            Err(error) => Err(LoadError::clone(&error)),
        };
        flight.land(Landing { answer, epoch: trust.now.epoch });
    }

    /// Takes the key out, whether or not it is being loaded.
    pub(super) async fn invalidate_plainly(&self, key: &K) {
        self.cache.invalidate(key).await;
    }
}
