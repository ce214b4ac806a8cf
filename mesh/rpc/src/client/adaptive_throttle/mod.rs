//! Calls that are not even sent, because most of those before were turned away (Google SRE book, "Handling
//! Overload", "Client-Side Throttling").
//!
//! A server that has far too much to do spends its time on turning calls away. So a channel counts what it asks for
//! and what of it is accepted, and sends no more than a multiple of the latter. What it holds back fails at once,
//! with `ErrorInfo.reason` `CLIENT_THROTTLED`, and is not retried, here or above.

mod config;
mod layer;
#[cfg(feature = "probe")]
mod probe;
mod throttle;

pub use config::AdaptiveThrottleConfig;
pub(super) use layer::{AdaptiveThrottle, AdaptiveThrottleLayer};
#[cfg(feature = "probe")]
pub use probe::ThrottleDecisions;
pub(super) use throttle::Admission;
