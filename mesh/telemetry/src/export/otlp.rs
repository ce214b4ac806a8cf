//! What OTLP calls what we have.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    resource::v1,
};

use super::Resource;

/// A pair of a key and a value.
pub(super) fn pair(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// A pair of a key and a text.
pub(super) fn text(key: &str, value: &str) -> KeyValue {
    pair(key, any_value::Value::StringValue(value.to_owned()))
}

/// Who tells.
pub(super) fn resource(resource: &Resource) -> v1::Resource {
    v1::Resource {
        attributes: resource.iter().map(|(key, value)| text(key, value)).collect(),
        ..v1::Resource::default()
    }
}

/// The library that tells.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "mesh".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}
