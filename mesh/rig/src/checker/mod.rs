//! Decides from a history whether anything was lost, doubled or invented.
//!
//! Everything is judged by what clients were told and by what was found after it was quiet, never by how the
//! services work. What a client was told happened, happened between its question and its answer. What was refused
//! did not happen. What is unknown may have happened at any time after it was asked for, or never: a history is
//! only broken if no choice explains it. The place of a line is its time.
//!
//! Each family of invariants is one file, and each check says in words what it holds.

mod effects;
mod events;
mod found;
mod invariant;
mod ledger;
mod mails;
mod matching;
mod operations;
mod payments;
mod people;
mod quiet;
mod reads;
mod receipts;
mod report;
mod requests;
mod updates;
mod users;
mod verdict;

pub use invariant::Invariant;
pub use receipts::{RECEIPTS, due_receipts, is_refund};
pub use report::{Counts, Method, Moved, Sum};
pub use verdict::{STORED_MAX, Verdict, Violation, check};

#[cfg(test)]
mod tests;
