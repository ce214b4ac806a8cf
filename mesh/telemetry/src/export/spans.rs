//! Spans, as OTLP has them.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value,
    trace::v1::{ResourceSpans, ScopeSpans, Status, span, status},
};

use super::{Resource, otlp};
use crate::{
    semconv::SCHEMA_URL,
    spans::{Span, SpanKind, SpanStatus, SpanValue},
};

pub(super) fn request(spans: Vec<Span>, resource: &Resource) -> ExportTraceServiceRequest {
    let spans = spans.into_iter().map(convert).collect();
    let scope = ScopeSpans { scope: Some(otlp::scope()), spans, schema_url: SCHEMA_URL.to_owned() };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(otlp::resource(resource)),
            scope_spans: vec![scope],
            schema_url: SCHEMA_URL.to_owned(),
        }],
    }
}

fn convert(span: Span) -> opentelemetry_proto::tonic::trace::v1::Span {
    let duration = u64::try_from(span.duration.as_nanos()).unwrap_or(u64::MAX);
    let attributes = span.attributes.into_iter().map(|(key, value)| {
        let value = match value {
            SpanValue::Text(text) => any_value::Value::StringValue(text.into_owned()),
            SpanValue::Integer(number) => any_value::Value::IntValue(number),
            SpanValue::Flag(flag) => any_value::Value::BoolValue(flag),
        };
        otlp::pair(key, value)
    });
    let kind = match span.kind {
        SpanKind::Client => span::SpanKind::Client,
        SpanKind::Server => span::SpanKind::Server,
        SpanKind::Internal => span::SpanKind::Internal,
    };
    let (code, message) = match span.status {
        SpanStatus::Unset => (status::StatusCode::Unset, String::new()),
        SpanStatus::Ok => (status::StatusCode::Ok, String::new()),
        SpanStatus::Error(message) => (status::StatusCode::Error, message.into_owned()),
    };
    opentelemetry_proto::tonic::trace::v1::Span {
        trace_id: span.context.trace_id.as_bytes().to_vec(),
        span_id: span.context.span_id.as_bytes().to_vec(),
        parent_span_id: span.parent.map_or_else(Vec::new, |parent| parent.as_bytes().to_vec()),
        flags: span.context.flags.into(),
        name: span.name,
        kind: kind as i32,
        start_time_unix_nano: span.start_unix_nanos,
        end_time_unix_nano: span.start_unix_nanos.saturating_add(duration),
        attributes: attributes.collect(),
        status: Some(Status { message, code: code as i32 }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, time::Duration};

    use prost::Message as _;

    use super::*;
    use crate::TraceContext;

    #[test]
    fn the_bytes_say_what_happened() {
        let (parent, context) = (TraceContext::root(), TraceContext::root());
        let span = Span {
            context,
            parent: Some(parent.span_id),
            name: "Sent.a.A.Get".to_owned(),
            kind: SpanKind::Client,
            start_unix_nanos: 1_000,
            duration: Duration::from_nanos(500),
            status: SpanStatus::Error(Cow::Borrowed("UNAVAILABLE")),
            attributes: vec![
                ("rpc.method", SpanValue::Text("a.A/Get".into())),
                ("previous-rpc-attempts", SpanValue::Integer(2)),
                ("transparent-retry", SpanValue::Flag(true)),
            ],
        };
        let bytes = request(vec![span], &Resource::default()).encode_to_vec();
        let read = ExportTraceServiceRequest::decode(&bytes[..]).unwrap();
        let [span] = &read.resource_spans[0].scope_spans[0].spans[..] else { panic!("{read:?}") };
        assert_eq!(span.trace_id, context.trace_id.as_bytes());
        assert_eq!(span.span_id, context.span_id.as_bytes());
        assert_eq!(span.parent_span_id, parent.span_id.as_bytes());
        assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_000, 1_500));
        assert_eq!((span.name.as_str(), span.kind), ("Sent.a.A.Get", span::SpanKind::Client as i32));
        assert_eq!(span.status.as_ref().unwrap().message, "UNAVAILABLE");
        let expected = [
            otlp::text("rpc.method", "a.A/Get"),
            otlp::pair("previous-rpc-attempts", any_value::Value::IntValue(2)),
            otlp::pair("transparent-retry", any_value::Value::BoolValue(true)),
        ];
        assert_eq!(span.attributes, expected);
    }
}
