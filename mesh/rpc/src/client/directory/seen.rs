//! A look at all endpoints.

use tokio::time::Instant;

use super::{Entry, sooner};
use crate::{
    client::{endpoint::Phase, health::Vital},
    error::MeshError,
};

/// What a look at all endpoints has found.
#[derive(Default)]
pub(super) struct Seen<'a> {
    /// With their places among all.
    pub(super) serving: Vec<(usize, &'a Entry)>,
    pub(super) not_serving: bool,
    pub(super) coming: bool,
    pub(super) asleep: Option<Instant>,
    pub(super) error: Option<MeshError>,
}

impl<'a> Seen<'a> {
    pub(super) fn note(&mut self, placed: (usize, &'a Entry), phase: &Phase, now: Instant) {
        match phase {
            Phase::Ready => match placed.1.endpoint.vital() {
                Vital::Serving => self.serving.push(placed),
                Vital::Unknown => self.coming = true,
                Vital::NotServing => self.not_serving = true,
            },
            Phase::Connecting => self.coming = true,
            Phase::Asleep { error, until } => {
                self.asleep = sooner(self.asleep, Some(until.unwrap_or(now)));
                self.coming |= error.is_none();
                self.error = self.error.take().or_else(|| error.clone());
            }
            Phase::Retired => {}
        }
    }
}
