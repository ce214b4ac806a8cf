//! Sets of published intents, as they are stored: one row for many.

use uuid::Uuid;

/// Intents in one set: 16 KiB.
pub(super) const SET_MAX: usize = 512;
const ID: usize = size_of::<Uuid>();

/// An event, and the attempt that committed it.
pub(super) type Intent = (Uuid, Uuid);

/// A row's bytes are no set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a set of published intents has {0} bytes, which is no multiple of 32")]
pub(super) struct Uneven(usize);

pub(super) fn encode(intents: impl IntoIterator<Item = Intent>) -> Vec<u8> {
    intents
        .into_iter()
        .flat_map(|(event, attempt)| [event.into_bytes(), attempt.into_bytes()])
        .flatten()
        .collect()
}

pub(super) fn decode(stored: &[u8]) -> Result<impl Iterator<Item = Intent>, Uneven> {
    let (intents, []) = stored.as_chunks::<{ 2 * ID }>() else {
        return Err(Uneven(stored.len()));
    };
    Ok(intents.iter().map(|intent| {
        let id = |at: usize| Uuid::from_bytes(std::array::from_fn(|n| intent[at + n]));
        (id(0), id(ID))
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_is_read_as_it_was_written(ids in prop::collection::vec(any::<(u128, u128)>(), 0..20)) {
            let intents: Vec<Intent> =
                ids.into_iter().map(|(event, attempt)| (Uuid::from_u128(event), Uuid::from_u128(attempt))).collect();
            let read: Vec<_> = decode(&encode(intents.clone())).unwrap().collect();
            prop_assert_eq!(read, intents);
        }

        #[test]
        fn what_is_no_set_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(decode(&bytes).is_ok(), bytes.len() % 32 == 0);
        }
    }
}
