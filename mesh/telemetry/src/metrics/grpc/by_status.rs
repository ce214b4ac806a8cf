//! One set of instruments for each status.

use std::sync::OnceLock;

use crate::semconv::grpc::{STATUSES, status_name};

/// One `T` for each status, made when a call first ends with it: most methods end in two or three ways.
#[derive(Debug)]
pub(super) struct ByStatus<T>([OnceLock<Box<T>>; STATUSES]);

impl<T> ByStatus<T> {
    pub(super) fn new() -> Self {
        Self([const { OnceLock::new() }; STATUSES])
    }

    /// That of a code; what is none counts as UNKNOWN.
    pub(super) fn get(&self, code: i32, make: fn() -> T) -> &T {
        const UNKNOWN: usize = 2;
        let at = usize::try_from(code).unwrap_or(UNKNOWN);
        let place = self.0.get(at).unwrap_or(&self.0[UNKNOWN]);
        place.get_or_init(|| Box::new(make()))
    }

    /// Those that were made, with the names of their statuses.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &T)> {
        (0..).map(status_name).zip(&self.0).filter_map(|(name, place)| Some((name, &**place.get()?)))
    }
}
