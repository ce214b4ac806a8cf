//! What a request message has under a dotted name.

use mesh_policy::FieldShape;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

/// What `message` has at `path`: a field, or a field of a field of single messages.
pub(crate) fn field_shape(message: &MessageDescriptor, path: &str) -> FieldShape {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    match (message.get_field_by_name(name), rest) {
        (None, _) => FieldShape::Missing,
        (Some(field), _) if field.is_list() || field.is_map() => FieldShape::Repeated,
        (Some(field), None) => single_shape(&field),
        (Some(field), Some(rest)) => match field.kind() {
            Kind::Message(inner) => field_shape(&inner, rest),
            _ => FieldShape::Missing,
        },
    }
}

fn single_shape(field: &FieldDescriptor) -> FieldShape {
    match field.kind() {
        Kind::String => FieldShape::String,
        Kind::Bytes => FieldShape::Bytes,
        Kind::Int32
        | Kind::Int64
        | Kind::Uint32
        | Kind::Uint64
        | Kind::Sint32
        | Kind::Sint64
        | Kind::Fixed32
        | Kind::Fixed64
        | Kind::Sfixed32
        | Kind::Sfixed64 => FieldShape::Integer,
        Kind::Double | Kind::Float | Kind::Bool | Kind::Message(_) | Kind::Enum(_) => FieldShape::Other,
    }
}
