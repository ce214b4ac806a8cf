//! Atomics and locks, in whose place a model checker can put its own.
//!
//! `cargo rig loom` runs every interleaving of the tests named `loom_`. It compiles this crate alone with
//! `--cfg mesh_loom` (not `--cfg loom`, which others in the tree take for theirs).
//!
//! In these tests, what is changed by a read and a write in one (`swap`, `fetch_update`) must not be set by `store` at
//! the same time: loom does not order the two, as C11 does, and finds what cannot be.
//!
//! Covered are, of the client, `Slots` and `Queue`, `Calls`, `Load`, `SlowStart`, `Keeper`, `Gate`, `Counts`,
//! `Window`, `RepeatBudget`, `Throttle`, `Class` (the adaptive throttle), `Vitals`, `Streams` (of a connection), `Wish`
//! (for one more connection) and `Sketch`; of the server `Limiter`, `Table` and `Calls` (what a drain waits for). Not
//! covered is what is one access, or has no two that must agree: counters that are added to and read by telemetry,
//! `Random`, `PingInterval`, the turn of round robin, and what one task writes for others to read (`LastHeard`, the
//! calls that wait on a connection); nor what other crates guard (`ArcSwap`, tokio's `Notify`).

#[cfg(all(test, mesh_loom))]
pub(crate) use loom::sync::Mutex;
#[cfg(all(test, mesh_loom))]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
#[cfg(not(all(test, mesh_loom)))]
pub(crate) use std::sync::Mutex;
#[cfg(not(all(test, mesh_loom)))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// What `SeqCst` accesses before and after this say already, for loom, which takes them for `AcqRel`.
#[inline]
pub(crate) fn in_one_order() {
    #[cfg(all(test, mesh_loom))]
    loom::sync::atomic::fence(Ordering::SeqCst);
}
