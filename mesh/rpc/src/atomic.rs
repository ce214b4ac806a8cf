//! Atomics and locks, in whose place a model checker can put its own.
//!
//! `RUSTFLAGS="--cfg mesh_loom" cargo test -p mesh-rpc --lib --release --target-dir target/loom loom_` runs every
//! interleaving of the tests named so. (Not `--cfg loom`, which others in the tree take for theirs.)

#[cfg(all(test, mesh_loom))]
pub(crate) use loom::sync::Mutex;
#[cfg(all(test, mesh_loom))]
pub(crate) use loom::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
#[cfg(not(all(test, mesh_loom)))]
pub(crate) use std::sync::Mutex;
#[cfg(not(all(test, mesh_loom)))]
pub(crate) use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// What `SeqCst` accesses before and after this say already, for loom, which takes them for `AcqRel`.
#[inline]
pub(crate) fn in_one_order() {
    #[cfg(all(test, mesh_loom))]
    loom::sync::atomic::fence(Ordering::SeqCst);
}
