//! The schema.

use service_kit::cql::Migration;

/// Every change of the schema, in order.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "notification",
    text: include_str!("../../../migrations/0001_notifications.cql"),
    scylla: Some(include_str!("../../../migrations/0001_notifications.scylla.cql")),
}];
