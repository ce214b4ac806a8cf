//! Spans and metrics of events, as OpenTelemetry names them (in development there).
//!
//! Spans: `publish {destination}` (PRODUCER), `process {destination}` (CONSUMER, with a link to the context
//! that the event carries), `ack {destination}` (CLIENT). Until now they are there for log lines; collectors get those of
//! calls only.

names! {
    /// Histogram, `s`: a publish or a settlement.
    CLIENT_OPERATION_DURATION = "messaging.client.operation.duration";
    /// Counter, `{message}`: events handed to the bus; those that failed carry an error type.
    CLIENT_SENT_MESSAGES = "messaging.client.sent.messages";
    /// Histogram, `s`: the handling of one event.
    PROCESS_DURATION = "messaging.process.duration";

    /// The bus: [`SYSTEM_RABBITMQ`] or [`SYSTEM_EMBEDDED`].
    SYSTEM = "messaging.system";
    /// `publish`, `process`, `ack`.
    OPERATION_NAME = "messaging.operation.name";
    /// `send`, `process`, `settle`.
    OPERATION_TYPE = "messaging.operation.type";
    /// `{exchange}:{routing key}`, and for a consumer `:{queue}` after it.
    DESTINATION_NAME = "messaging.destination.name";
    /// The routing key: the kind of the event.
    RABBITMQ_ROUTING_KEY = "messaging.rabbitmq.destination.routing_key";
    /// Events in one publish.
    BATCH_MESSAGE_COUNT = "messaging.batch.message_count";
    /// The identifier of the event.
    MESSAGE_ID = "messaging.message.id";
}

/// The value of [`SYSTEM`] for the bus on RabbitMQ.
pub const SYSTEM_RABBITMQ: &str = "rabbitmq";
/// The value of [`SYSTEM`] for the bus of the embedded store.
pub const SYSTEM_EMBEDDED: &str = "mesh_embedded";
