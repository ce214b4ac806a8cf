//! Spans and metrics of the database, as OpenTelemetry names them (stable).
//!
//! A span is named after the summary of its query, such as `SELECT users`, kind CLIENT. Values bound to a
//! query are never told.

names! {
    /// Histogram, `s`: one query.
    CLIENT_OPERATION_DURATION = "db.client.operation.duration";

    /// The database; the conventions know no value for ScyllaDB, so [`SYSTEM_CASSANDRA`].
    SYSTEM_NAME = "db.system.name";
    /// The keyspace.
    NAMESPACE = "db.namespace";
    /// The table.
    COLLECTION_NAME = "db.collection.name";
    /// The verb, such as `SELECT`.
    OPERATION_NAME = "db.operation.name";
}

/// The value of [`SYSTEM_NAME`].
pub const SYSTEM_CASSANDRA: &str = "cassandra";
