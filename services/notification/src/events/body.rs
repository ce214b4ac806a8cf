//! How the body of an event is read. Whatever cannot be read never can: it is parked.

use mesh_events::{Envelope, HandleError};
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// The body of `event`.
///
/// # Errors
/// [`HandleError::Permanent`], without a word of what the body says: it may be about a person.
pub(super) fn read<T: DeserializeOwned>(event: &Envelope) -> Result<T, HandleError> {
    serde_json::from_slice(&event.body).map_err(|error| {
        HandleError::permanent(format!(
            "the body is no {}: {:?} error at line {}, column {}",
            event.kind.as_str(),
            error.classify(),
            error.line(),
            error.column()
        ))
    })
}

/// The id that a body has in `field`.
///
/// # Errors
/// [`HandleError::Permanent`].
pub(super) fn id(field: &str, text: &str) -> Result<Uuid, HandleError> {
    Uuid::try_parse(text).map_err(|_| HandleError::permanent(format!("the {field} is no UUID")))
}
