//! How the code of messages, clients and servers is generated.

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use tonic_prost_build::Builder;

use crate::error::BuildError;

const TIMESTAMP: &str = "google.protobuf.Timestamp";

/// A generator for all contracts in `pool`; the messages of `event_packages` get a JSON form.
pub(crate) fn generator(pool: &DescriptorPool, event_packages: &[String]) -> Result<Builder, BuildError> {
    let mut builder = tonic_prost_build::configure()
        // The mesh brings its own transport.
        .build_transport(false)
        // The build script says itself when it is to run again.
        .emit_rerun_if_changed(false)
        // Maps in the order of their keys: equal messages have equal bytes.
        .btree_map(".")
        // A view of the received frame instead of a copy.
        .bytes(".");
    let mut findings = Vec::new();
    for package in event_packages {
        let messages: Vec<_> =
            pool.all_messages().filter(|message| message.package_name() == package).collect();
        if messages.is_empty() {
            findings.push(format!("the package {package} has no message"));
        }
        builder = builder
            .type_attribute(format!(".{package}"), "#[derive(::serde::Serialize, ::serde::Deserialize)]")
            // An event written before a field existed is read with the field's default, as on the wire.
            .message_attribute(format!(".{package}"), "#[serde(default)]");
        for field in messages.iter().filter(|message| !message.is_map_entry()).flat_map(timestamps) {
            if is_optional(&field) {
                let path = format!(".{}", field.full_name());
                builder = builder.field_attribute(path, "#[serde(with = \"crate::rfc3339\")]");
            } else {
                let file = field.parent_file();
                findings.push(format!(
                    "{}: {} is a Timestamp in a list, a map or a oneof; only single ones have a JSON form",
                    file.name(),
                    field.full_name()
                ));
            }
        }
    }
    if findings.is_empty() { Ok(builder) } else { Err(BuildError::Events(findings)) }
}

/// The fields of `message` that hold moments.
fn timestamps(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    message.fields().filter(holds_timestamp).collect()
}

fn holds_timestamp(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(entry) if entry.is_map_entry() => holds_timestamp(&entry.map_entry_value_field()),
        Kind::Message(message) => message.full_name() == TIMESTAMP,
        _ => false,
    }
}

/// Whether the field's type in Rust is an `Option`, which is what the JSON form is written for.
fn is_optional(field: &FieldDescriptor) -> bool {
    let in_oneof = field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic());
    !(field.is_list() || field.is_map() || in_oneof)
}
