//! How long the answers of a method take, learned as they come.

mod buckets;
mod config;
mod sketch;

pub use config::HedgeConfig;
pub(super) use sketch::{Sketch, Usual};
