//! What calls read and write of an endpoint.

use super::{Load, SlowStart};
use crate::client::outlier::Record;

/// What calls read and write of an endpoint, in one cache line of its own: to compare two endpoints out of ten
/// thousand costs two misses, and no more.
#[derive(Debug)]
#[repr(align(64))]
pub(in crate::client) struct Gauges {
    pub(in crate::client) load: Load,
    pub(in crate::client) record: Record,
    pub(in crate::client) slow_start: SlowStart,
}

impl Gauges {
    /// `alarm`: see [`Record::new`].
    pub(in crate::client) fn new(alarm: u32) -> Self {
        Self { load: Load::new(), record: Record::new(alarm), slow_start: SlowStart::new() }
    }
}

#[cfg(all(test, not(mesh_loom)))]
mod tests {
    use super::*;

    #[test]
    fn fit_in_a_cache_line() {
        assert_eq!(size_of::<Gauges>(), 64);
    }
}
