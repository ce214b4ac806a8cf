//! What calls read and write of an endpoint.

use std::{fmt, ops::Deref, sync::Arc};

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

/// The gauges of one endpoint, among those of others: ten thousand of them are on some hundred pages, as many as a
/// processor remembers the addresses of, and not on ten thousand.
#[derive(Clone)]
pub(in crate::client) struct Seat {
    row: Arc<[Gauges]>,
    at: usize,
}

/// Gives seats to endpoints that become known together.
pub(in crate::client) struct Seats {
    row: Arc<[Gauges]>,
    taken: usize,
    /// How many more will be asked for.
    wanted: usize,
    alarm: u32,
}

/// Seats in a row: a page. A row lives as long as one of its endpoints, so each endpoint keeps a page at most.
const ROW: usize = 64;

impl Gauges {
    /// `alarm`: see [`Record::new`].
    fn new(alarm: u32) -> Self {
        Self { load: Load::new(), record: Record::new(alarm), slow_start: SlowStart::new() }
    }
}

impl Seats {
    /// For about so many endpoints. `alarm`: see [`Record::new`].
    pub(in crate::client) fn new(wanted: usize, alarm: u32) -> Self {
        Self { row: Arc::default(), taken: 0, wanted, alarm }
    }

    pub(in crate::client) fn next(&mut self) -> Seat {
        if self.taken == self.row.len() {
            let row = self.wanted.clamp(1, ROW);
            self.wanted -= row.min(self.wanted);
            self.row = (0..row).map(|_| Gauges::new(self.alarm)).collect();
            self.taken = 0;
        }
        self.taken += 1;
        Seat { row: Arc::clone(&self.row), at: self.taken - 1 }
    }
}

impl Deref for Seat {
    type Target = Gauges;

    fn deref(&self) -> &Gauges {
        &self.row[self.at]
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Gauges::fmt(self, f)
    }
}

#[cfg(all(test, not(mesh_loom)))]
mod tests {
    use super::*;

    #[test]
    fn fit_in_a_cache_line() {
        assert_eq!(size_of::<Gauges>(), 64);
    }

    #[test]
    fn each_endpoint_has_a_seat_of_its_own_in_a_row_that_is_no_longer_than_it_must_be() {
        for (wanted, rows) in [(0, vec![1, 1, 1]), (2, vec![2, 2, 1]), (3, vec![3; 3]), (200, vec![64; 3])] {
            let mut seats = Seats::new(wanted, 7);
            let taken = [seats.next(), seats.next(), seats.next()];
            assert_eq!(taken.each_ref().map(|seat| seat.row.len()).to_vec(), rows);
            for (index, seat) in taken.iter().enumerate() {
                assert!(seat.load.in_flight.take(1), "{index} of {wanted}");
            }
        }
    }
}
