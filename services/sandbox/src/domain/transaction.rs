//! What was done.

use service_kit::clock::UnixMillis;

use super::Order;

/// How an operation went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken on and will be done.
    Pending,
    /// It was done.
    Settled,
    /// It was declined, for this reason.
    Declined(String),
}

/// An operation in the sandbox's books. Only a pending one changes: it is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its place in the books, from 1 without gaps.
    pub sequence: u64,
    /// What was asked for.
    pub order: Order,
    /// How it went.
    pub outcome: Outcome,
    /// When it was asked for.
    pub created: UnixMillis,
}
