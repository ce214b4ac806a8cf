//! A count over the last ten ticks, without a lock.

use crate::atomic::{AtomicU64, Ordering};

/// Into how many slots a window is cut; one of them is the current, incomplete one.
pub(in crate::client) const SLOTS: u32 = 10;

/// Ten slots, each with the tick that it counts in its upper half and the count in its lower one, so that both
/// change at once: a slot that is seen with an old tick counts nothing, and who comes first in a new tick begins
/// it at zero.
#[derive(Debug, Default)]
pub(in crate::client) struct Window([AtomicU64; SLOTS as usize]);

const fn pack(tick: u32, count: u32) -> u64 {
    (tick as u64) << 32 | count as u64
}

const fn unpack(slot: u64) -> (u32, u32) {
    ((slot >> 32) as u32, slot as u32)
}

impl Window {
    /// Adds one at `tick`. False, and nothing is added, if a whole window has passed since the caller looked at
    /// the clock.
    ///
    /// `SeqCst`, with the loads of [`sum`](Self::sum): of two threads that add and then look, at least one sees
    /// both.
    pub(in crate::client) fn add(&self, tick: u32) -> bool {
        let slot = &self.0[(tick % SLOTS) as usize];
        slot.fetch_update(Ordering::SeqCst, Ordering::Relaxed, |slot| match unpack(slot) {
            (of, count) if of == tick => Some(pack(tick, count.saturating_add(1))),
            (of, _) if of < tick => Some(pack(tick, 1)),
            _ => None,
        })
        .is_ok()
    }

    /// Takes back one that was added at `tick`.
    pub(in crate::client) fn take_back(&self, tick: u32) {
        let slot = &self.0[(tick % SLOTS) as usize];
        // Refused only when the slot has begun to count a later tick: then what was added is gone already.
        let _ = slot.fetch_update(Ordering::SeqCst, Ordering::Relaxed, |slot| match unpack(slot) {
            (of, count) if of == tick => Some(pack(tick, count.saturating_sub(1))),
            _ => None,
        });
    }

    /// What was added in `tick`, in the tick before, and so on.
    pub(in crate::client) fn back(&self, tick: u32) -> impl Iterator<Item = u64> {
        (0..SLOTS).map_while(move |back| tick.checked_sub(back)).map(|tick| {
            match unpack(self.0[(tick % SLOTS) as usize].load(Ordering::SeqCst)) {
                (of, count) if of == tick => u64::from(count),
                _ => 0,
            }
        })
    }

    /// What was added in the ten ticks up to `tick`.
    pub(in crate::client) fn sum(&self, tick: u32) -> u64 {
        let counts = self.0.iter().map(|slot| match unpack(slot.load(Ordering::SeqCst)) {
            (of, count) if of.saturating_add(SLOTS) > tick => u64::from(count),
            _ => 0,
        });
        counts.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_is_ten_ticks_old() {
        let window = Window::default();
        for tick in 0..25 {
            assert!(window.add(tick));
            assert_eq!(window.sum(tick), u64::from(tick + 1).min(10), "{tick}");
        }
        assert_eq!(window.sum(33), 1);
        assert_eq!(window.sum(34), 0);
    }

    #[test]
    fn looks_back_tick_by_tick() {
        let window = Window::default();
        for tick in [2, 2, 3, 5] {
            window.add(tick);
        }
        assert_eq!(window.back(5).collect::<Vec<_>>(), [1, 0, 1, 2, 0, 0]);
        assert_eq!(window.back(13).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn a_slot_begins_anew_after_a_pause() {
        let window = Window::default();
        window.add(3);
        window.add(1_003);
        assert_eq!(window.sum(1_003), 1);
    }

    #[test]
    fn who_was_away_for_a_whole_window_adds_nothing() {
        let window = Window::default();
        window.add(13);
        assert!(!window.add(3));
        window.take_back(3);
        assert_eq!(window.sum(13), 1);
    }

    #[test]
    fn what_is_taken_back_was_never_there() {
        let window = Window::default();
        window.add(1);
        window.add(1);
        window.take_back(1);
        assert_eq!(window.sum(1), 1);
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_who_begins_a_tick_loses_nothing_that_others_count_in_it() {
        loom::model(|| {
            let window = Arc::new(Window::default());
            window.add(3);
            let other = Arc::clone(&window);
            // The slot of tick 3 becomes that of tick 13.
            let other = thread::spawn(move || other.add(13));
            assert!(window.add(13));
            assert!(other.join().unwrap());
            assert_eq!(window.sum(13), 2);
        });
    }
}
