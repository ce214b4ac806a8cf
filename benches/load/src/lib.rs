//! Load on the real programs: what tests and measurements share.

pub mod torture;
