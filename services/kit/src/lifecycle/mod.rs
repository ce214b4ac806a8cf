//! Start and drain: one signal asks everything to stop, and what was begun is finished in order, within bounds.

mod shutdown;
mod stages;

pub use shutdown::Shutdown;
pub use stages::{Drained, Stages};
