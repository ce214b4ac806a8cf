//! What breaks things during a torture run: faults drawn from a seed, and the hand that inflicts them on servers and
//! links.
//!
//! Processes of services belong to whoever runs them: the [`Hand`] leaves faults of theirs to it.

mod fault;
mod hand;
mod random;
mod schedule;

pub use fault::{Fault, Lane, Link, Target};
pub use hand::{Hand, NemesisError};
pub use schedule::{Planned, Scene, Schedule};
