//! What a request message has under a dotted name.

use mesh_policy::{FieldEncoding, FieldShape, MessageField};
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

/// Where the bytes of an encoded `message` have the field `name`. What leads nowhere is judged by [`field_shape`].
pub(crate) fn message_field(message: &MessageDescriptor, name: &'static str) -> MessageField {
    let (mut path, mut encoding) = (Vec::new(), FieldEncoding::Bytes);
    let mut message = Some(message.clone());
    for part in name.split('.') {
        let Some(field) = message.take().and_then(|message| message.get_field_by_name(part)) else { break };
        path.push(field.number());
        match field.kind() {
            Kind::Message(inner) => message = Some(inner),
            kind => encoding = field_encoding(&kind),
        }
    }
    // Static text and numbers, as they are in the table. The few of a build live as long as the build.
    MessageField { name, path: path.leak(), encoding }
}

fn field_encoding(kind: &Kind) -> FieldEncoding {
    match kind {
        Kind::Fixed32 | Kind::Sfixed32 | Kind::Float => FieldEncoding::Fixed32,
        Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => FieldEncoding::Fixed64,
        Kind::String | Kind::Bytes | Kind::Message(_) => FieldEncoding::Bytes,
        Kind::Int32
        | Kind::Int64
        | Kind::Uint32
        | Kind::Uint64
        | Kind::Sint32
        | Kind::Sint64
        | Kind::Bool
        | Kind::Enum(_) => FieldEncoding::Varint,
    }
}
