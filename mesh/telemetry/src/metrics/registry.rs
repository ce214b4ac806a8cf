//! Who has numbers to read.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Attributes, Counter, Descriptor, Histogram, Kind, Snapshot, UpDownCounter, snapshot::Instrument,
};

/// How many points are remembered of those that are gone. One has a name and a few attributes, and a histogram about
/// thirty numbers: some megabytes at most, in a program that makes channels to ever new targets.
const MOST_POINTS: usize = 10_000;

/// Something that has numbers to read.
pub trait Source: Send + Sync {
    /// Adds them to a snapshot. Called while its registry is locked: it must not register anything, nor let go of what
    /// is registered.
    fn collect(&self, snapshot: &mut Snapshot);
}

/// Knows who has numbers to read. Locked to register, to read and to let go, never to write a number.
///
/// A counter never goes down: what a source has counted stays when it is gone, added up with what
/// others have counted under the same name and attributes.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<Sources>>);

#[derive(Default)]
struct Sources {
    live: Vec<Arc<dyn Source>>,
    /// What those have counted that are gone.
    gone: Snapshot,
}

/// That a source is read. When it is dropped, the source is read for the last time.
struct Registration {
    registry: Registry,
    source: Arc<dyn Source>,
}

/// A source that is read with its registry, for as long as somebody has it: whoever writes its numbers holds this, so
/// that none is written after the last reading.
pub struct Registered<T> {
    source: Arc<T>,
    registration: Arc<Registration>,
}

/// One instrument, by itself.
#[derive(Debug)]
pub struct Single<T> {
    descriptor: &'static Descriptor,
    attributes: Attributes,
    instrument: T,
}

impl<T> Deref for Single<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.instrument
    }
}

impl<T: Instrument + Send + Sync> Source for Single<T> {
    fn collect(&self, snapshot: &mut Snapshot) {
        snapshot.add(self.descriptor, self.attributes.clone(), self.instrument.value());
    }
}

impl Registry {
    /// Reads `source` from now on, until what this returns is dropped.
    #[must_use = "a source is read for as long as somebody has it"]
    pub fn register<T: Source + 'static>(&self, source: T) -> Registered<T> {
        let source = Arc::new(source);
        self.lock().live.push(source.clone());
        let registration = Registration { registry: self.clone(), source: source.clone() };
        Registered { source, registration: Arc::new(registration) }
    }

    /// A counter of its own.
    pub fn counter(
        &self,
        descriptor: &'static Descriptor,
        attributes: Attributes,
    ) -> Registered<Single<Counter>> {
        self.single(descriptor, Kind::Counter, attributes, Counter::default())
    }

    /// An up-down counter of its own.
    pub fn up_down_counter(
        &self,
        descriptor: &'static Descriptor,
        attributes: Attributes,
    ) -> Registered<Single<UpDownCounter>> {
        self.single(descriptor, Kind::UpDownCounter, attributes, UpDownCounter::default())
    }

    /// A histogram of its own.
    pub fn histogram(
        &self,
        descriptor: &'static Descriptor,
        bounds: &'static [u64],
        attributes: Attributes,
    ) -> Registered<Single<Histogram>> {
        self.single(descriptor, Kind::Histogram, attributes, Histogram::new(bounds))
    }

    /// All numbers now.
    pub fn snapshot(&self) -> Snapshot {
        // Who lives and what the others left, of one moment: nobody is counted twice or not at all.
        let (live, mut snapshot) = {
            let sources = self.lock();
            (sources.live.clone(), sources.gone.clone())
        };
        live.iter().for_each(|source| source.collect(&mut snapshot));
        snapshot
    }

    fn single<T: Instrument + Send + Sync + 'static>(
        &self,
        descriptor: &'static Descriptor,
        kind: Kind,
        attributes: Attributes,
        instrument: T,
    ) -> Registered<Single<T>> {
        debug_assert_eq!(descriptor.kind, kind, "{}", descriptor.name);
        self.register(Single { descriptor, attributes, instrument })
    }

    fn lock(&self) -> MutexGuard<'_, Sources> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut sources = self.registry.lock();
        let Some(place) = sources.live.iter().position(|source| Arc::ptr_eq(source, &self.source)) else {
            return;
        };
        // In one step, so that a counter does not go down for a moment. The source itself ends after the lock: it may
        // have something that is registered, too.
        sources.live.swap_remove(place);
        let mut last = Snapshot::default();
        self.source.collect(&mut last);
        sources.gone.keep(last, MOST_POINTS);
    }
}

impl<T> Deref for Registered<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.source
    }
}

impl<T> Clone for Registered<T> {
    fn clone(&self) -> Self {
        Self { source: Arc::clone(&self.source), registration: Arc::clone(&self.registration) }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("sources", &self.lock().live.len()).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for Registered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

#[cfg(test)]
#[path = "registry/tests.rs"]
mod tests;
