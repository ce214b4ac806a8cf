//! Partition keys of aggregates, as the protocol's tables hold them.

use scylla::value::CqlValue;
use uuid::Uuid;

use crate::cql::CqlError;

const UUID: u8 = 0;
const TEXT: u8 = 1;

/// The partition key of an aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Uuid(Uuid),
    Text(String),
}

impl Key {
    pub(super) fn of(value: &CqlValue) -> Result<Self, CqlError> {
        match value {
            CqlValue::Uuid(id) => Ok(Self::Uuid(*id)),
            CqlValue::Text(text) | CqlValue::Ascii(text) => Ok(Self::Text(text.clone())),
            _ => Err(CqlError::Refused("an aggregate's key is a uuid or a text".into())),
        }
    }

    pub(super) fn value(&self) -> CqlValue {
        match self {
            Self::Uuid(id) => CqlValue::Uuid(*id),
            Self::Text(text) => CqlValue::Text(text.clone()),
        }
    }

    /// Its type, then its bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let (tag, bytes) = match self {
            Self::Uuid(id) => (UUID, id.as_bytes().as_slice()),
            Self::Text(text) => (TEXT, text.as_bytes()),
        };
        [&[tag], bytes].concat()
    }

    pub(super) fn decode(stored: &[u8]) -> Result<Self, CqlError> {
        let key = match stored.split_first() {
            Some((&UUID, bytes)) => Uuid::from_slice(bytes).ok().map(Self::Uuid),
            Some((&TEXT, bytes)) => str::from_utf8(bytes).ok().map(|text| Self::Text(text.to_owned())),
            _ => None,
        };
        key.ok_or_else(|| CqlError::unexpected("a stored aggregate key has no known form"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_it_was_stored_and_nothing_else_is() {
        for key in [Key::Uuid(Uuid::from_u128(7)), Key::Text("7|EUR".to_owned()), Key::Text(String::new())] {
            assert_eq!(Key::decode(&key.encode()).unwrap(), key);
            assert_eq!(Key::of(&key.value()).unwrap(), key);
        }
        for wrong in [&[][..], &[0, 1], &[1, 255], &[9, 1]] {
            assert!(Key::decode(wrong).is_err(), "{wrong:?}");
        }
        assert!(Key::of(&CqlValue::Int(7)).is_err());
    }
}
