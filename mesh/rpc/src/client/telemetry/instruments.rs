//! The instruments of a channel.

use std::borrow::Cow;

use mesh_policy::PolicyTable;
use mesh_telemetry::{
    Telemetry, TraceContext,
    metrics::{ClientMetrics, Registered},
    semconv::{
        grpc::{self, status_name},
        rpc,
    },
    spans::{Recording, SpanKind, SpanStatus, SpanValue},
};
use tonic::Code;

use crate::client::{Target, target::Kind};

/// The instruments of a channel, and where its spans go.
#[derive(Debug)]
pub(in crate::client) struct Instruments {
    pub(super) telemetry: Telemetry,
    pub(in crate::client) metrics: Registered<ClientMetrics>,
    /// Whom the channel calls, by name, if it calls by name.
    server: Option<(String, u16)>,
}

impl Instruments {
    pub(in crate::client) fn new(telemetry: Telemetry, target: &Target, policies: &PolicyTable) -> Self {
        let paths = policies.iter().map(|policy| policy.path);
        let metrics = ClientMetrics::registered(telemetry.registry(), target.to_string(), paths);
        let server = match &target.0 {
            Kind::Dns(name) => name.port.map(|port| (name.host.clone(), port)),
            Kind::Static(_) | Kind::K8s(_) | Kind::File(_) | Kind::Unix(_) => None,
        };
        Self { telemetry, metrics, server }
    }

    /// The name of a method in spans.
    fn name(&self, method: Option<usize>) -> &'static str {
        match self.metrics.method(method).name() {
            grpc::OTHER_METHOD => rpc::OTHER_METHOD,
            name => name,
        }
    }

    /// Begins the span that `context` is, if that is wanted.
    pub(super) fn record(
        &self,
        context: &TraceContext,
        parent: Option<mesh_telemetry::SpanId>,
        prefix: &str,
        method: Option<usize>,
    ) -> Option<Box<Recording>> {
        let name = self.name(method);
        let span_name = || rpc::span_name(prefix, name);
        let mut recording = self.telemetry.record(context, parent, SpanKind::Client, span_name)?;
        recording.set(rpc::SYSTEM_NAME, text(rpc::SYSTEM_GRPC));
        recording.set(rpc::METHOD, text(name));
        if let Some((host, port)) = &self.server {
            recording.set(rpc::SERVER_ADDRESS, SpanValue::Text(Cow::Owned(host.clone())));
            recording.set(rpc::SERVER_PORT, SpanValue::Integer((*port).into()));
        }
        Some(recording)
    }
}

fn text(text: &'static str) -> SpanValue {
    SpanValue::Text(Cow::Borrowed(text))
}

/// How a span of a client ends: everything but OK is an error (OpenTelemetry, "gRPC"), and says what it was.
pub(super) fn end(
    mut recording: Recording,
    duration: std::time::Duration,
    code: Code,
    message: Option<&str>,
) {
    let name = status_name(code as i32);
    recording.set(rpc::STATUS_CODE, text(name));
    let status = if code == Code::Ok {
        SpanStatus::Ok
    } else {
        recording.set(rpc::ERROR_TYPE, text(name));
        SpanStatus::Error(match message {
            Some(message) if !message.is_empty() => Cow::Owned(format!("{name}, {message}")),
            _ => Cow::Borrowed(name),
        })
    };
    recording.end(duration, status);
}
