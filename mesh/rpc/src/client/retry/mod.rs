//! Attempts after the first: what a failed attempt means, and whether another one is made (gRFC A6).
//!
//! ```text
//!            ┌──────────── wait: backoff or pushback ────────────┐
//!            v                                                   │ retryable, allowed, in time, whole
//!  call ─> Sending ── failed ──────────────────────────────────> decide ── else ──> the failure is the answer
//!            │ ^                                                 │
//!            │ └──── REFUSED_STREAM, GOAWAY: once, uncharged ────┘
//!            └──── headers ──> committed: whatever happens from here on is the caller's
//! ```
//!
//! Methods without a retry or a hedge in their contract pass through ([`Repeat`]): for them nothing is counted, and
//! whoever sends them also sees to what nobody has seen (REFUSED_STREAM, GOAWAY: once), if it is one whole message of a
//! method that the contract knows. Of a stream, and of a call of which it is not known whether it is one, nothing is
//! kept: its caller is told UNAVAILABLE.

mod answer;
mod config;
mod counters;
mod jitter;
mod layer;
mod machine;
mod outcome;
#[cfg(feature = "probe")]
mod probe;
mod repeated;
mod retrying;

pub(super) use answer::Answer;
pub use config::RetryConfig;
pub use counters::AttemptCounts;
pub(super) use counters::Counters;
pub(super) use layer::{Call, First, Repeat, RepeatLayer};
pub(super) use machine::Allowance;
pub(super) use outcome::Failure;
#[cfg(feature = "probe")]
pub use probe::RepeatDecisions;
pub(super) use repeated::{Repeated, Shared};
