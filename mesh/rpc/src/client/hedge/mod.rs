//! A second attempt beside a slow first one (gRFC A6; Dean, Barroso: "The Tail at Scale", 2013).
//!
//! Attempt k is sent after k delays, or at once when the attempt before it failed in a way that another server may
//! not. The first answer wins: headers, or a status that would be no different elsewhere. Dropping the others
//! resets their streams (RST_STREAM, CANCEL).
//!
//! The delay is the 95th percentile of the method's first attempts as they are now, so that one call in twenty
//! sends a second attempt; until a hundred answers are known it is the contract's. First attempts that lose count
//! with the time they had: what is never waited for would look fast.
//!
//! Hedges switch themselves off where they cannot help: against a server that pushes back, when the budget that
//! they share with retries is used up, when the throttle is closed, when there is no endpoint that the call has not
//! tried yet. And while the method's 95th percentile is above twice what it usually is, none is sent for slowness,
//! only after a failure: then not one server is slow but everybody, and more work makes it worse.

mod first;
mod hedging;
mod plan;
mod race;

pub(super) use hedging::hedging;
pub(super) use plan::NON_FATAL;
