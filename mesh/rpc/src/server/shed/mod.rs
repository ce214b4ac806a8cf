//! Load shedding: how many calls a server works on at once, learned from how long they take, and who is turned
//! away first when there are more.
//!
//! A call is judged when its head is read: before its body is, and before anything waits. What is turned away
//! costs an answer that was written beforehand, `RESOURCE_EXHAUSTED` with `ErrorInfo.reason` `LOAD_SHED` and
//! `grpc-retry-pushback-ms`.

mod config;
mod gradient;
mod layer;
mod limiter;
mod load;
mod permit;
mod refusals;
mod usual;

pub use config::LoadShedConfig;
pub(super) use layer::LoadShedLayer;
pub(super) use limiter::Limiter;
pub use load::Load;
#[cfg(feature = "probe")]
pub(super) use permit::Permit;

#[cfg(test)]
mod model;
