//! The whole system, as its users meet it: the real program in its own process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

mod alone;
mod crash;
mod csv;
mod disk;
mod import;
#[cfg(feature = "crash-points")]
mod matrix;
mod mistakes;
mod outage;
mod pay;
#[cfg(feature = "crash-points")]
mod place;
mod points;
mod process;
#[cfg(feature = "crash-points")]
mod seeded;
mod story;
mod torture;
