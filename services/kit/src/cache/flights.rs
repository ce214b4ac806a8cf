//! Loads in flight: one per key, joined by whoever misses the same key.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::LoadError;

/// What a load answered: a value, that there is none, or why it is not known.
pub(super) type Answer<V> = Result<Option<Arc<V>>, LoadError>;

/// How a flight ended.
#[derive(Debug)]
pub(super) struct Landing<V> {
    pub(super) answer: Answer<V>,
    /// In which epoch the store was asked. Who joined in a later one must ask again.
    pub(super) epoch: u64,
}

/// The landing of a flight, for those who wait for it.
pub(super) type Arrival<V> = watch::Receiver<Option<Landing<V>>>;

/// The flights of one cache, at most as many as there are permits.
#[derive(Debug)]
pub(super) struct Flights<K, V> {
    // Held for a look-up, never across an await.
    airborne: Mutex<HashMap<K, Arrival<V>>>,
    permits: Arc<Semaphore>,
}

/// The right, and the duty, to load a key. While it exists, others join; dropped without an answer (a runtime that
/// shuts down), it tells them so by closing the channel.
pub(super) struct Flight<K: Eq + Hash, V> {
    key: K,
    boarding: bool,
    flights: Arc<Flights<K, V>>,
    landing: watch::Sender<Option<Landing<V>>>,
    _permit: OwnedSemaphorePermit,
}

impl<K: Eq + Hash + Clone, V> Flights<K, V> {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { airborne: Mutex::new(HashMap::new()), permits: Arc::new(Semaphore::new(most)) })
    }

    /// Waits for a permit; `None` once the cache is closed.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    /// A permit, if one is free right now.
    pub(super) fn permit_now(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    /// The flight of `key`, if there is one.
    pub(super) fn join(&self, key: &K) -> Option<Arrival<V>> {
        self.airborne.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// A new flight of `key`, or the arrival of the one that somebody else started.
    pub(super) fn start(
        self: &Arc<Self>,
        key: K,
        permit: OwnedSemaphorePermit,
    ) -> Result<Flight<K, V>, Arrival<V>> {
        let mut airborne = self.airborne.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(arrival) = airborne.get(&key) {
            return Err(arrival.clone());
        }
        let (landing, arrival) = watch::channel(None);
        airborne.insert(key.clone(), arrival);
        Ok(Flight { key, boarding: true, flights: Arc::clone(self), landing, _permit: permit })
    }

    /// No flight starts any more.
    pub(super) fn close(&self) {
        self.permits.close();
    }
}

impl<K: Eq + Hash, V> Flight<K, V> {
    pub(super) fn key(&self) -> &K {
        &self.key
    }

    pub(super) fn arrival(&self) -> Arrival<V> {
        self.landing.subscribe()
    }

    /// Lets nobody join any more. This must happen while the key is still excluded from changes: a caller who came
    /// after a change must not be answered by a load from before it.
    pub(super) fn close_boarding(&mut self) {
        // Once only: the next flight of this key may already be boarding.
        if !std::mem::take(&mut self.boarding) {
            return;
        }
        self.flights.airborne.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }

    /// Answers everybody who joined.
    pub(super) fn land(self, landing: Landing<V>) {
        self.landing.send_replace(Some(landing));
    }
}

impl<K: Eq + Hash, V> Drop for Flight<K, V> {
    fn drop(&mut self) {
        self.close_boarding();
    }
}

impl<V> Clone for Landing<V> {
    fn clone(&self) -> Self {
        Self { answer: self.answer.clone(), epoch: self.epoch }
    }
}

/// Waits for a landing.
pub(super) async fn landed<V>(mut arrival: Arrival<V>) -> Result<Landing<V>, LoadError> {
    match arrival.wait_for(Option::is_some).await {
        Ok(landing) => landing.clone().ok_or(LoadError::Closed),
        Err(_abandoned) => Err(LoadError::Closed),
    }
}
