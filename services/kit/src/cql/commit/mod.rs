//! The commit protocol: a state change and its event become true together, although they concern partitions that no
//! transaction spans.
//!
//! # The protocol
//! Everything of an aggregate that must move together is in **one partition of one [`Table`]**, with `rev`, a static
//! column, as its optimistic lock. `rev` only ever grows.
//! 1. *Intent*: [`Commits::intend`] writes that an event may come, with the pointers that lead to the aggregate.
//! 2. *Commit*: [`Commits::commit`] is one conditional batch on the partition, `IF rev = <what was read>`: the state,
//!    the event's row, the memory of the request. It is the only moment at which anything becomes true.
//! 3. *Mark*: once the event is on the bus, [`CqlOutbox`] marks the intent.
//!
//! The sweeper, inside [`CqlOutbox`], settles every intent that has no mark. The event's row is in the partition with
//! the intent's attempt: it is published. It is not, and the intent is old: `rev` is moved (the *fence*), so that
//! whoever is still on the way to commit fails, and only then, by a later read, is it decided that the event never
//! happened. So nothing is ever given up because of time alone, whatever stalls or dies.
//!
//! Pointers and intents are hints, and prove nothing: what they lead to is verified in the partition. The protocol
//! is proved by trying every order of its steps, in this crate's `tests/claim`.
//!
//! # The age of an intent
//! An intent's bucket is ten seconds of the [`Clock`](crate::clock::Clock). The sweeper closes a bucket once no
//! intent can come into it any more that will be committed, and then never reads it again. So a commit must be sent
//! within [`CommitConfig::commit_within`] of the moment its bucket was computed, measured on a clock that runs on
//! while the machine sleeps; later than that, [`Commits::commit`] writes a new intent first.

mod boot_time;
mod commits;
mod config;
mod decide;
mod draft;
mod error;
mod fence;
mod key;
mod outbox;
mod place;
mod requests;
mod rows;
mod statements;

pub use self::{
    commits::Commits,
    config::CommitConfig,
    draft::{Draft, EVENT, Intended, Outcome, REQUEST, Table},
    error::CommitError,
    outbox::CqlOutbox,
};
pub use crate::requests::embedded::Recalled;

use super::Migration;

/// The protocol's own tables; to be applied before [`Commits::open`].
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "commit",
        text: include_str!("../../../migrations/commit_1.cql"),
        scylla: Some(include_str!("../../../migrations/commit_1.scylla.cql")),
    },
    Migration {
        version: 2,
        name: "commit",
        text: include_str!("../../../migrations/commit_2.cql"),
        scylla: Some(include_str!("../../../migrations/commit_2.scylla.cql")),
    },
];
