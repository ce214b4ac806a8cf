//! Points at which a test ends this process, holds it, or makes it wrong.
//!
//! Only a build with the feature `crash-points` has them. They are armed by variables of the environment, which are
//! no settings and so do not begin like those:
//! - `CRASH_AT=relay.after-publish#3`: the process aborts when it comes to that point for the third time (without a
//!   number: the first).
//! - `HOLD_AT=user.before-commit#1,cache.after-load`: whoever comes to such a point (with a number: only the one who
//!   comes at that turn) writes the file `user.before-commit.1` into the folder `HOLD_IN` and goes on when there is
//!   `user.before-commit.go`. A thread of the runtime is not kept by it.
//! - `FAILPOINTS=bug.no-fsync=return`: as the crate `fail` reads it.
//!
//! Any other build refuses them: a test that believes to break something, and does not, proves nothing.

#[cfg(feature = "crash-points")]
mod armed;
#[cfg(feature = "crash-points")]
mod hold;
mod points;
mod switches;

use thiserror::Error;

pub use points::{POINTS, POINTS_ON_SERVERS};
pub use switches::SWITCHES;

/// The environment asks for what there is not.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct ArmError(String);

/// Arms what the environment asks for.
///
/// # Errors
/// When it asks for what there is not.
#[cfg(feature = "crash-points")]
pub(super) fn arm(program: &'static str) -> Result<(), ArmError> {
    armed::arm(program, &|name| std::env::var(name).ok())
}

/// Refuses what only a build with `crash-points` can do.
///
/// # Errors
/// When the environment asks for it.
#[cfg(not(feature = "crash-points"))]
pub(super) fn arm(program: &'static str) -> Result<(), ArmError> {
    let mut variables = ["CRASH_AT", "HOLD_AT", "HOLD_IN", "FAILPOINTS"].into_iter();
    match variables.find(|name| std::env::var_os(name).is_some()) {
        None => Ok(()),
        Some(name) => Err(ArmError(format!(
            "{name} is set, but this program was built without crash points; \
             build {program} with --features crash-points, or unset {name}"
        ))),
    }
}
