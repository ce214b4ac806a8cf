//! Rows of the embedded store: a version byte, then a protobuf message.
//!
//! Protobuf lets a row gain fields; the version byte lets it change shape. Rows are never read by another
//! program, so their messages are declared beside the store that writes them.

use prost::Message;

/// The shape written today.
const VERSION: u8 = 1;

/// The row of `message`.
#[must_use]
pub fn encode(message: &impl Message) -> Vec<u8> {
    let mut row = Vec::with_capacity(1 + message.encoded_len());
    row.push(VERSION);
    // A Vec grows as needed, which is the only way that encoding could fail.
    let _ = message.encode(&mut row);
    row
}

/// The message of `row`.
///
/// # Errors
/// [`redb::Error::Corrupted`] when the row was not written by [`encode`].
pub fn decode<M: Message + Default>(row: &[u8]) -> Result<M, redb::Error> {
    match row.split_first() {
        Some((&VERSION, body)) => {
            M::decode(body).map_err(|error| redb::Error::Corrupted(format!("row: {error}")))
        }
        Some((version, _)) => Err(redb::Error::Corrupted(format!("row of unknown version {version}"))),
        None => Err(redb::Error::Corrupted("empty row".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote_and_nothing_else() {
        assert_eq!(decode::<String>(&encode(&"text".to_owned())).unwrap(), "text");
        for wrong in [&[][..], &[9, 1, 2], &[1, 255, 255]] {
            assert!(decode::<String>(wrong).is_err(), "{wrong:?}");
        }
    }
}
