//! Load on the real programs: what tests and measurements share.

pub mod callers;
pub mod figures;
pub mod outage;
pub mod servers;
pub mod torture;
