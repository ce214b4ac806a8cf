//! The span of a publish.
//!
//! An event carries the context of the call that caused it, from its outbox row to the consumer, whose span links to
//! it. The publish belongs to no such trace: a sweep may do it hours later, for events of many. So its span links to
//! them as well: by a field when there is one event, else by a line for each.

use mesh_telemetry::semconv::messaging;
use tracing::Span;

use super::names::EVENTS;
use crate::Envelope;

/// The span in which a batch is published.
pub(super) fn publish(batch: &[Envelope]) -> Span {
    let alone = match batch {
        [alone] => Some(alone),
        _ => None,
    };
    let span = tracing::info_span!(
        "publish",
        { messaging::SYSTEM } = messaging::SYSTEM_RABBITMQ,
        { messaging::OPERATION_NAME } = "publish",
        { messaging::OPERATION_TYPE } = "send",
        { messaging::DESTINATION_NAME } = EVENTS,
        { messaging::BATCH_MESSAGE_COUNT } = batch.len(),
        { messaging::MESSAGE_ID } = alone.map(|event| tracing::field::display(event.id)),
        { messaging::RABBITMQ_ROUTING_KEY } = alone.map(|event| event.kind.as_str()),
        link.traceparent = alone.and_then(|event| event.traceparent.as_deref()),
    );
    if alone.is_none() {
        span.in_scope(|| batch.iter().for_each(tell));
    }
    span
}

fn tell(event: &Envelope) {
    tracing::debug!(
        { messaging::MESSAGE_ID } = %event.id,
        { messaging::RABBITMQ_ROUTING_KEY } = event.kind.as_str(),
        link.traceparent = event.traceparent.as_deref(),
        "publishing"
    );
}
