//! How much may be sent beside the calls themselves: retries and hedges of one channel share it.
//!
//! Two gates, and both must be open. The budget bounds the share of repeats ([`RepeatBudget`]); the throttle
//! stops them while most attempts fail ([`Throttle`]). Neither takes a lock.

mod config;
mod repeats;
mod throttle;
mod window;

pub use config::{BudgetConfig, ThrottleConfig};
pub(super) use repeats::RepeatBudget;
pub(super) use throttle::Throttle;
pub(super) use window::{SLOTS, Window};
