//! A row that cannot be read.

use prost::Message;
use service_kit::record;
use thiserror::Error;

/// A row is not one that this service wrote.
#[derive(Debug, Error)]
#[error("row: {0}")]
pub(in crate::store) struct RecordError(String);

impl RecordError {
    /// What is wrong with it.
    pub(in crate::store) fn new(what: &str) -> Self {
        Self(what.to_owned())
    }
}

/// The message of `row`.
pub(super) fn decode<M: Message + Default>(row: &[u8]) -> Result<M, RecordError> {
    record::decode(row).map_err(|error| RecordError(error.to_string()))
}

pub(super) fn corrupted(what: &str) -> RecordError {
    RecordError::new(what)
}

/// The embedded engine's own word for it.
impl From<RecordError> for redb::Error {
    fn from(error: RecordError) -> Self {
        Self::Corrupted(error.to_string())
    }
}
