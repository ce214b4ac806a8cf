//! A read-through cache over Moka that never lets an old value outlive a newer one.
//!
//! Every slot carries the version of what it holds. Loading, writing and invalidating a key all go through Moka's
//! compute family under one per-key exclusion: an invalidation waits for the running load and then overrules it, so
//! a value read before a commit cannot stick after it. (Moka's `get_with` and `invalidate` do not exclude each
//! other: a load in flight would pin what it read for a whole lifetime.) Facebook's lease, in one process: an
//! invalidation leaves a floor, and what is older than the floor may not fill the slot.
//!
//! Around that: one load per key however many callers miss, in a task of its own, so that a caller who goes away
//! does not take the load with them; a second of failing fast after a failed load; lifetimes spread by the key's
//! hash, so that what was loaded together does not expire together; a refresh in the background near the end of a
//! lifetime; and the old value, up to its lifetime, while the store does not answer. That last part makes it a cache
//! for profiles, never for decisions about money.
//!
//! Of changes made elsewhere, by another replica on the same store, somebody tells the cache as they are announced
//! ([`ReadThrough::invalidate`], [`ReadThrough::forget`]), and also of gaps: while nothing is heard, lifetimes shrink to
//! seconds, and once it is heard again ([`ReadThrough::resumed`]) what was read before is read again before it is
//! believed. A cache that nobody tells anything is right as long as its store has no other writer.
//!
//! Lifetimes are judged by tokio's clock when a slot is read. Moka's own expiry only takes the garbage out.

mod config;
mod flights;
mod hearing;
mod loader;
mod read_through;
mod slot;
mod stats;

pub use config::CacheConfig;
pub use hearing::Moment;
pub use loader::{LoadError, Loader, Read, Versioned};
pub use read_through::ReadThrough;
pub use stats::Stats;
