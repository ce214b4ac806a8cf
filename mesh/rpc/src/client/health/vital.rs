//! What a server has said of itself.

use crate::atomic::{AtomicU8, Ordering};

/// What a server has said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::client) enum Vital {
    /// That it serves; or it was not asked, or does not know how to say it.
    Serving,
    /// Nothing yet.
    Unknown,
    /// That it does not.
    NotServing,
}

/// What was said last.
#[derive(Debug)]
pub(in crate::client) struct Vitals(AtomicU8);

impl Vitals {
    pub(in crate::client) fn new() -> Self {
        Self(AtomicU8::new(Vital::Serving as u8))
    }

    /// Returns whether that is news.
    pub(in crate::client) fn set(&self, vital: Vital) -> bool {
        self.0.swap(vital as u8, Ordering::Relaxed) != vital as u8
    }

    pub(in crate::client) fn read(&self) -> Vital {
        match self.0.load(Ordering::Relaxed) {
            0 => Vital::Serving,
            1 => Vital::Unknown,
            _ => Vital::NotServing,
        }
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_what_two_say_at_once_is_news_once() {
        loom::model(|| {
            let vitals = Arc::new(Vitals::new());
            let other = Arc::clone(&vitals);
            let other = thread::spawn(move || other.set(Vital::NotServing));
            let one = vitals.set(Vital::NotServing);
            assert!(one != other.join().unwrap());
            assert_eq!(vitals.read(), Vital::NotServing);
        });
    }
}
