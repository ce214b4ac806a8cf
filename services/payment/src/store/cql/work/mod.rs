//! What must be driven, or looked at: found without scanning payments, and without crossing what is done.
//!
//! A payment makes at most one piece of [`Work`] at a time: its open operation is to be driven, or was given up, or
//! its authorization is to be released. The row of it is written before the commit that makes it, and names the
//! version of the payment that makes it; so it is true exactly while that version is the payment's, and whoever
//! finds it later can tell. Done work is dropped after the commit that ends it, by whoever committed, or else by
//! whoever finds it.
//!
//! A queue in one partition would be slow in a while: its readers cross everything that was ever deleted. Here
//! rows are filed by the minute; minutes that are over and empty are never read again, and what stays is filed again
//! in a later minute. That a minute is over must hold for writers, too: a row that could not be written within
//! [`FILED_WITHIN`] makes its writer start again, and a minute counts as over only after [`GRACE`], which is that
//! and by how much clocks may differ.
//!
//! A row may also point to what never was: its commit failed, or its writer died. Such a row may be dropped only
//! after its book was fenced, because its writer may be late rather than dead.

mod find;
mod item;
mod rows;
mod slices;
mod tidy;

use std::time::Duration;

pub(super) use item::{Filed, Kind, Place};
pub(super) use slices::{DAYS, Slices};

/// How long after its minute was read from the clock a row may be written.
pub(super) const FILED_WITHIN: Duration = Duration::from_secs(15);

/// How long after its end a minute may still get rows: [`FILED_WITHIN`], and a minute by which clocks may differ.
const GRACE: Duration = Duration::from_secs(75);

/// How old a minute's work gets before it is filed again.
const STAYS: Duration = Duration::from_secs(600);
