//! The tables, as [`crate::embedded`] describes them.

use redb::{ReadOnlyTable, TableDefinition};

/// (time in ms, event id) -> envelope.
pub(super) const OUTBOX: TableDefinition<'static, (u64, u128), &[u8]> = TableDefinition::new("events.outbox");
/// name -> number and kinds.
pub(super) const QUEUES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("events.queues");
/// (queue, sequence) -> message.
pub(super) const READY: TableDefinition<'static, (u32, u64), &[u8]> = TableDefinition::new("events.ready");
/// (queue, due time in ms, sequence) -> message.
pub(super) const WAIT: TableDefinition<'static, (u32, u64, u64), &[u8]> = TableDefinition::new("events.wait");
/// (queue, event id) -> message.
pub(super) const PARKED: TableDefinition<'static, (u32, u128), &[u8]> = TableDefinition::new("events.parked");
/// queue -> the sequence up to which deliveries may have begun.
pub(super) const MARKS: TableDefinition<'static, u32, u64> = TableDefinition::new("events.marks");
/// name -> number.
pub(super) const STATE: TableDefinition<'static, &str, u64> = TableDefinition::new("events.state");
/// In [`STATE`]: 1 when the last run closed the bus, else 0.
pub(super) const IS_CLOSED: &str = "is_closed";

pub(super) type ReadReady = ReadOnlyTable<(u32, u64), &'static [u8]>;
pub(super) type ReadOutbox = ReadOnlyTable<(u64, u128), &'static [u8]>;
