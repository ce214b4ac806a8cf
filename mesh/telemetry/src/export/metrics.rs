//! Numbers, as OTLP has them.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{
        AggregationTemporality, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
        ScopeMetrics, Sum, metric::Data, number_data_point,
    },
};

use super::{Resource, otlp};
use crate::{
    metrics::{Attributes, Family, Kind, Snapshot, Unit, Value},
    semconv::SCHEMA_URL,
};

/// From when to when numbers are counted, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) now: u64,
}

pub(super) fn request(snapshot: &Snapshot, resource: &Resource, span: Span) -> ExportMetricsServiceRequest {
    let metrics = snapshot.families().map(|family| metric(family, span)).collect();
    let scope = ScopeMetrics { scope: Some(otlp::scope()), metrics, schema_url: SCHEMA_URL.to_owned() };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(otlp::resource(resource)),
            scope_metrics: vec![scope],
            schema_url: SCHEMA_URL.to_owned(),
        }],
    }
}

fn metric(family: &Family, span: Span) -> Metric {
    let descriptor = family.descriptor;
    // All our numbers are counted from the start of the process.
    let aggregation_temporality = AggregationTemporality::Cumulative as i32;
    let data = match descriptor.kind {
        Kind::Histogram => {
            let points = family
                .points
                .iter()
                .filter_map(|(attributes, value)| histogram(descriptor.unit, attributes, value, span));
            Data::Histogram(Histogram { data_points: points.collect(), aggregation_temporality })
        }
        Kind::Counter | Kind::UpDownCounter => Data::Sum(Sum {
            data_points: family.points.iter().map(|(key, value)| number(key, value, span)).collect(),
            aggregation_temporality,
            is_monotonic: descriptor.kind == Kind::Counter,
        }),
    };
    Metric {
        name: descriptor.name.to_owned(),
        description: descriptor.help.to_owned(),
        unit: match descriptor.unit {
            Unit::Seconds => "s".to_owned(),
            Unit::Bytes => "By".to_owned(),
            Unit::Of(thing) => format!("{{{thing}}}"),
        },
        data: Some(data),
        ..Metric::default()
    }
}

fn pairs(attributes: &Attributes) -> Vec<opentelemetry_proto::tonic::common::v1::KeyValue> {
    attributes.iter().map(|(key, value)| otlp::text(key, value)).collect()
}

fn number(attributes: &Attributes, value: &Value, span: Span) -> NumberDataPoint {
    let value = match value {
        Value::Counter(count) => i64::try_from(*count).unwrap_or(i64::MAX),
        Value::UpDownCounter(count) => *count,
        Value::Histogram { .. } => 0,
    };
    NumberDataPoint {
        attributes: pairs(attributes),
        start_time_unix_nano: span.start,
        time_unix_nano: span.now,
        value: Some(number_data_point::Value::AsInt(value)),
        ..NumberDataPoint::default()
    }
}

fn histogram(unit: Unit, attributes: &Attributes, value: &Value, span: Span) -> Option<HistogramDataPoint> {
    let Value::Histogram { bounds, counts, sum } = value else { return None };
    Some(HistogramDataPoint {
        attributes: pairs(attributes),
        start_time_unix_nano: span.start,
        time_unix_nano: span.now,
        count: counts.iter().sum(),
        sum: Some(unit.scale(*sum)),
        bucket_counts: counts.clone(),
        explicit_bounds: bounds.iter().map(|bound| unit.scale(*bound)).collect(),
        ..HistogramDataPoint::default()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prost::Message as _;

    use super::*;
    use crate::{Telemetry, metrics::ServerMetrics, semconv::grpc};

    #[test]
    fn the_bytes_say_what_was_counted() {
        let telemetry = Telemetry::new();
        let metrics = ServerMetrics::registered(telemetry.registry(), ["/a.A/Get"]);
        metrics.method(0).started();
        metrics.method(0).ended(0, Duration::from_millis(2), 5, 70);
        let resource = Resource::of_service("a", "1");
        let bytes = request(&telemetry.snapshot(), &resource, Span { start: 1, now: 9 }).encode_to_vec();

        let read = ExportMetricsServiceRequest::decode(&bytes[..]).unwrap();
        let [of_resource] = &read.resource_metrics[..] else { panic!("{read:?}") };
        assert_eq!(of_resource.resource.as_ref().unwrap().attributes[0].key, "service.name");
        let metrics = &of_resource.scope_metrics[0].metrics;
        let find = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap();

        let duration = find(grpc::SERVER_CALL_DURATION);
        assert_eq!(duration.unit, "s");
        let Some(Data::Histogram(histogram)) = &duration.data else { panic!("{duration:?}") };
        assert_eq!(histogram.aggregation_temporality, AggregationTemporality::Cumulative as i32);
        let [point] = &histogram.data_points[..] else { panic!("{histogram:?}") };
        assert_eq!((point.count, point.sum), (1, Some(0.002)));
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (1, 9));
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        let bucket = point.explicit_bounds.iter().position(|bound| *bound == 0.002).unwrap();
        assert_eq!(point.bucket_counts[bucket], 1);

        let started = find(grpc::SERVER_CALL_STARTED);
        let Some(Data::Sum(sum)) = &started.data else { panic!("{started:?}") };
        assert!(sum.is_monotonic && started.unit == "{call}");
        assert_eq!(sum.data_points[0].value, Some(number_data_point::Value::AsInt(1)));
        assert_eq!(sum.data_points[0].attributes, [otlp::text(grpc::METHOD, "a.A/Get")]);
    }
}
