//! The instruments of calls, as gRPC names and shapes them: gRFC A66, A91, A94, A96.
//!
//! Made once for a channel or a server, of the methods that it knows: a call finds its method by a number and its
//! status by another. What belongs to a status is made when a call first ends with it.

mod by_status;
mod client;
mod server;
mod subchannels;

pub use client::{AttemptEnd, ClientMethod, ClientMetrics, Repeats};
pub use server::{ServerMethod, ServerMetrics};
pub use subchannels::{Detection, Unenforced};

use std::time::Duration;

/// The name in telemetry of a path: `user.v1.UserService/GetUser`.
fn method_of(path: &'static str) -> &'static str {
    path.strip_prefix('/').unwrap_or(path)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
