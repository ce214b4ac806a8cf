//! The server: what it serves ([`ServerBuilder`]), what each call passes through (`stack`), and its life from
//! the first connection to the last (`serve`).

mod accept;
mod answer;
mod builder;
mod calls;
mod catch_panic;
mod code;
mod config;
mod connection;
mod deadline;
mod drain;
mod end_streams;
mod entry;
mod health;
mod instruments;
mod messages;
mod method;
mod peer;
mod preface;
#[cfg(feature = "probe")]
mod probe;
mod rate_limit;
mod reflection;
mod relay_pushback;
mod router;
mod serve;
mod shed;
mod stack;
mod surplus;
mod telemetry;

pub use builder::{BuildError, ServerBuilder};
pub use config::ServerConfig;
pub use health::Health;
#[cfg(feature = "probe")]
pub use probe::ServerDecisions;
pub use rate_limit::RateLimitConfig;
pub(crate) use rate_limit::{quota, rounded_up};
pub use serve::{Drained, ServeError, Server};
pub use shed::{Load, LoadShedConfig};
