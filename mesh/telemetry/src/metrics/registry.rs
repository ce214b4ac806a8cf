//! Who has numbers to read.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use super::{
    Attributes, Counter, Descriptor, Histogram, Kind, Snapshot, UpDownCounter, snapshot::Instrument,
};

/// Something that has numbers to read.
pub trait Source: Send + Sync {
    /// Adds them to a snapshot.
    fn collect(&self, snapshot: &mut Snapshot);
}

/// Knows who has numbers to read, and keeps nobody alive. Locked to register and to read, never to write a number.
#[derive(Default)]
pub struct Registry(Mutex<Sources>);

#[derive(Default)]
struct Sources {
    all: Vec<Weak<dyn Source>>,
    /// From this many on, those that are gone are forgotten.
    most: usize,
}

/// One instrument, by itself. Read when its registry is, for as long as somebody has it.
#[derive(Debug)]
pub struct Registered<T> {
    descriptor: &'static Descriptor,
    attributes: Attributes,
    instrument: T,
}

impl<T> Deref for Registered<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.instrument
    }
}

impl<T: Instrument + Send + Sync> Source for Registered<T> {
    fn collect(&self, snapshot: &mut Snapshot) {
        snapshot.add(self.descriptor, self.attributes.clone(), self.instrument.value());
    }
}

impl Registry {
    /// Reads `source` from now on, until it is dropped.
    pub fn register(&self, source: Weak<dyn Source>) {
        let mut sources = self.lock();
        if sources.all.len() >= sources.most {
            sources.all.retain(|source| source.strong_count() > 0);
            sources.most = (2 * sources.all.len()).max(64);
        }
        sources.all.push(source);
    }

    /// A counter of its own.
    pub fn counter(
        &self,
        descriptor: &'static Descriptor,
        attributes: Attributes,
    ) -> Arc<Registered<Counter>> {
        self.registered(descriptor, Kind::Counter, attributes, Counter::default())
    }

    /// An up-down counter of its own.
    pub fn up_down_counter(
        &self,
        descriptor: &'static Descriptor,
        attributes: Attributes,
    ) -> Arc<Registered<UpDownCounter>> {
        self.registered(descriptor, Kind::UpDownCounter, attributes, UpDownCounter::default())
    }

    /// A histogram of its own.
    pub fn histogram(
        &self,
        descriptor: &'static Descriptor,
        bounds: &'static [u64],
        attributes: Attributes,
    ) -> Arc<Registered<Histogram>> {
        self.registered(descriptor, Kind::Histogram, attributes, Histogram::new(bounds))
    }

    /// All numbers now.
    pub fn snapshot(&self) -> Snapshot {
        let sources: Vec<_> = self.lock().all.iter().filter_map(Weak::upgrade).collect();
        let mut snapshot = Snapshot::default();
        sources.iter().for_each(|source| source.collect(&mut snapshot));
        snapshot
    }

    fn registered<T: Instrument + Send + Sync + 'static>(
        &self,
        descriptor: &'static Descriptor,
        kind: Kind,
        attributes: Attributes,
        instrument: T,
    ) -> Arc<Registered<T>> {
        debug_assert_eq!(descriptor.kind, kind, "{}", descriptor.name);
        let registered = Arc::new(Registered { descriptor, attributes, instrument });
        let source: Arc<dyn Source> = registered.clone();
        self.register(Arc::downgrade(&source));
        registered
    }

    fn lock(&self) -> MutexGuard<'_, Sources> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("sources", &self.lock().all.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Unit, Value};

    static CALLS: Descriptor =
        Descriptor { name: "mesh.calls", kind: Kind::Counter, unit: Unit::Of("call"), help: "Calls." };

    #[test]
    fn reads_those_that_live_and_forgets_the_others() {
        let registry = Registry::default();
        let kept = registry.counter(&CALLS, Vec::new());
        for _ in 0..1_000 {
            registry.counter(&CALLS, Vec::new()).one();
        }
        kept.add(7);
        assert_eq!(registry.snapshot().get("mesh.calls", &[]), Some(&Value::Counter(7)));
        assert!(registry.lock().all.len() <= 64, "{registry:?}");
    }
}
