//! The service over the wire: what callers send and what they get, mistakes included.

mod gone;
mod life;
pub(crate) mod many;
mod reads;
mod refusals;
mod replays;
mod validation;
