//! A `google.protobuf.Timestamp` in JSON: an RFC 3339 string in UTC, as protobuf's JSON mapping writes it.

use prost_types::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

/// Writes the timestamp as a string, or null if it is absent.
pub fn serialize<S: Serializer>(value: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(timestamp) => serializer.collect_str(timestamp),
        None => serializer.serialize_none(),
    }
}

/// Reads what [`serialize`] wrote.
///
/// # Errors
/// When the string is not an RFC 3339 time.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Option::<String>::deserialize(deserializer)?
        .map(|text| text.parse().map_err(|_| D::Error::custom(format!("{text:?} is not an RFC 3339 time"))))
        .transpose()
}
