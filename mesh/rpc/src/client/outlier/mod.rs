//! Passive health: endpoints that answer badly are left alone for a while.
//!
//! ```text
//!            fails too often, lately or in a row,          its time is over
//!            or too much more often than the others
//!   Closed ────────────────────────────────────────> Open ──────────────────> HalfOpen
//!     ^                                               ^                         │   │
//!     │                                               └──── the probe failed ───┘   │
//!     └───────────────────────── the probe was answered ────────────────────────────┘
//! ```
//!
//! In `HalfOpen` one call is let through at a time, the probe. gRFC A50 knows no such state: an endpoint whose
//! time is over gets its whole share at once. Here it gets one call first, and then its share by slow start.
//!
//! A call writes three atomics of its endpoint ([`Record`]) and nothing else. All decisions are made by the
//! channel's own task ([`judge`]), one after the other: so the bound on how many are ejected holds exactly.

mod answers;
mod breaker;
mod config;
mod counts;
mod gate;
mod judge;
mod record;
mod sweep;

pub(super) use breaker::Breaker;
pub use config::{
    ConsecutiveConfig, FailurePercentageConfig, OutlierConfig, RollingSuccessRateConfig, SuccessRateConfig,
};
pub(super) use gate::Standing;
pub(super) use judge::{Due, Judged, judge};
pub(super) use record::Record;
