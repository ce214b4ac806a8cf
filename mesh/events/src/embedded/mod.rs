//! Outbox and bus inside the service's own redb file: a state change, its event, and the event's copy in every
//! queue are durable by the same commits, and there is no broker to run.
//!
//! # Layout
//! | table | key | value |
//! |---|---|---|
//! | `events.outbox` | (time, event id) | envelope |
//! | `events.queues` | queue name | number, kinds |
//! | `events.ready` | (queue, sequence) | message |
//! | `events.wait` | (queue, due time, sequence) | message |
//! | `events.parked` | (queue, event id) | message, reason, time |
//! | `events.marks` | queue | the sequence up to which deliveries may have begun |
//! | `events.state` | name | whether the last run closed the bus |
//!
//! # Leases
//! They live in memory, because one process owns the file: a delivery that is out is a row of `events.ready`
//! that is not read again until its subscription ends. Acknowledging is one remove, which merges with whatever
//! else the writer commits.
//!
//! # An event that kills the process
//! Before deliveries pass a queue's mark, the mark is raised and committed. When a run did not close the bus,
//! the next one finds every event below the mark suspect: it hands out at most [`SUSPECTS_AT_ONCE`] of them at
//! a time, and counts the attempt durably *before* that; one that already failed is handed out alone. So a
//! deadly event is soon alone, its attempts grow by one per crash, innocent neighbours by one in all, and the
//! consumer parks it when its ladder is used up.

mod announcements;
mod bus;
mod clock;
mod deliveries;
mod fetch;
mod leases;
mod message;
mod outbox;
mod parked;
mod publish;
mod queue;
mod settle;
mod tables;
mod transactor;

pub use bus::{EmbeddedBus, EmbeddedBusConfig};
pub use clock::Clock;
pub use fetch::SUSPECTS_AT_ONCE;
pub use outbox::{EmbeddedOutbox, append};
pub use transactor::{TransactError, Transactor};
