//! A snapshot as Prometheus reads it: the text format, version 0.0.4.
//!
//! Names are made as OpenTelemetry's compatibility rules have it: dots become underscores, seconds and bytes are
//! named, and counters end with `_total`: `grpc.server.call.duration` is `grpc_server_call_duration_seconds`.

use std::fmt::Write as _;

use super::{Attributes, Descriptor, Kind, Snapshot, Unit, Value};
use crate::export::Resource;

/// What an answer with this text says that it is.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes a snapshot as text.
pub fn render(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for family in snapshot.families() {
        let name = name(family.descriptor);
        let kind = match family.descriptor.kind {
            Kind::Counter => "counter",
            Kind::UpDownCounter => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {}", escaped(family.descriptor.help, false));
        let _ = writeln!(text, "# TYPE {name} {kind}");
        for (attributes, value) in &family.points {
            point(&mut text, &name, family.descriptor.unit, attributes, value);
        }
    }
    text
}

/// Who tells, as one more metric (OpenTelemetry, "Prometheus and OpenMetrics Compatibility").
pub fn target_info(resource: &Resource) -> String {
    let pairs: Vec<_> =
        resource.iter().map(|(key, value)| format!("{}=\"{}\"", label(key), escaped(value, true))).collect();
    if pairs.is_empty() {
        return String::new();
    }
    let pairs = pairs.join(",");
    format!("# HELP target_info Who tells.\n# TYPE target_info gauge\ntarget_info{{{pairs}}} 1\n")
}

/// A key, as labels are spelt.
fn label(key: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let label: String = key.chars().map(plain).collect();
    if label.starts_with(|first: char| first.is_ascii_digit()) { format!("_{label}") } else { label }
}

/// The name of a metric in Prometheus.
pub fn name(descriptor: &Descriptor) -> String {
    let mut name = descriptor.name.replace('.', "_");
    name += match descriptor.unit {
        Unit::Seconds => "_seconds",
        Unit::Bytes => "_bytes",
        Unit::Of(_) => "",
    };
    if descriptor.kind == Kind::Counter {
        name += "_total";
    }
    name
}

fn point(text: &mut String, name: &str, unit: Unit, attributes: &Attributes, value: &Value) {
    let _ = match value {
        Value::Counter(value) => {
            writeln!(text, "{name}{} {}", labels(attributes, None), unit.scale(*value))
        }
        Value::UpDownCounter(value) => writeln!(text, "{name}{} {value}", labels(attributes, None)),
        Value::Histogram { bounds, counts, sum } => {
            let mut below = 0;
            let limits = bounds.iter().map(|bound| unit.scale(*bound).to_string());
            for (limit, count) in limits.chain(["+Inf".to_owned()]).zip(counts) {
                below += count;
                let _ = writeln!(text, "{name}_bucket{} {below}", labels(attributes, Some(&limit)));
            }
            let labels = labels(attributes, None);
            let _ = writeln!(text, "{name}_sum{labels} {}", unit.scale(*sum));
            writeln!(text, "{name}_count{labels} {below}")
        }
    };
}

fn labels(attributes: &Attributes, limit: Option<&str>) -> String {
    let own = attributes.iter().map(|(key, value)| (label(key), value.as_ref()));
    let all = own.chain(limit.map(|limit| ("le".to_owned(), limit)));
    let pairs: Vec<_> = all.map(|(key, value)| format!("{key}=\"{}\"", escaped(value, true))).collect();
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

fn escaped(text: &str, quoted: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quoted { text.replace('"', "\\\"") } else { text }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::{Registry, ServerMetrics};

    static ODD: Descriptor = Descriptor {
        name: "mesh.odd",
        kind: Kind::Counter,
        unit: Unit::Of("thing"),
        help: "A back\\slash\nand a line.",
    };

    #[test]
    fn names_have_their_unit_and_counters_a_total() {
        let descriptor = |kind, unit| Descriptor { name: "mesh.a.b", kind, unit, help: "" };
        for (kind, unit, expected) in [
            (Kind::Counter, Unit::Of("call"), "mesh_a_b_total"),
            (Kind::Counter, Unit::Seconds, "mesh_a_b_seconds_total"),
            (Kind::Histogram, Unit::Bytes, "mesh_a_b_bytes"),
            (Kind::UpDownCounter, Unit::Of("connection"), "mesh_a_b"),
        ] {
            assert_eq!(name(&descriptor(kind, unit)), expected);
        }
    }

    #[test]
    fn what_would_break_a_line_is_escaped() {
        let registry = Registry::default();
        let counter = registry.counter(&ODD, vec![("mesh.key", "a\"b\\c\nd".into())]);
        counter.add(3);
        let expected = "# HELP mesh_odd_total A back\\\\slash\\nand a line.\n\
                        # TYPE mesh_odd_total counter\n\
                        mesh_odd_total{mesh_key=\"a\\\"b\\\\c\\nd\"} 3\n";
        assert_eq!(render(&registry.snapshot()), expected);
    }

    #[test]
    fn buckets_count_what_is_at_or_below_them() {
        let registry = Registry::default();
        let metrics = ServerMetrics::registered(&registry, ["/a.A/Get"]);
        let method = metrics.method(0);
        method.started();
        method.ended(0, Duration::from_micros(50), 5, 2_000);
        method.ended(0, Duration::from_millis(250), 5, 2_000);
        let text = render(&registry.snapshot());
        let labels = "grpc_method=\"a.A/Get\",grpc_status=\"OK\"";
        for line in [
            "# TYPE grpc_server_call_duration_seconds histogram".to_owned(),
            format!("grpc_server_call_duration_seconds_bucket{{{labels},le=\"0.00001\"}} 0"),
            format!("grpc_server_call_duration_seconds_bucket{{{labels},le=\"0.00005\"}} 1"),
            format!("grpc_server_call_duration_seconds_bucket{{{labels},le=\"0.2\"}} 1"),
            format!("grpc_server_call_duration_seconds_bucket{{{labels},le=\"0.25\"}} 2"),
            format!("grpc_server_call_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 2"),
            format!("grpc_server_call_duration_seconds_sum{{{labels}}} 0.25005"),
            format!("grpc_server_call_duration_seconds_count{{{labels}}} 2"),
            format!("grpc_server_call_rcvd_total_compressed_message_size_bytes_sum{{{labels}}} 4000"),
            "grpc_server_call_started_total{grpc_method=\"a.A/Get\"} 1".to_owned(),
        ] {
            assert!(text.lines().any(|present| present == line), "{line}\n{text}");
        }
    }
}
