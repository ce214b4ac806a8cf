//! Rate limits: how often one caller may call one method.
//!
//! A limit is a token bucket, kept as one number by the generic cell rate algorithm (ITU-T I.371): the time at which
//! the bucket will be full again. The numbers of all callers and methods are in a table of fixed size. Who asks too
//! often gets `RESOURCE_EXHAUSTED` with `ErrorInfo.reason` `RATE_LIMITED`, and hears in every usual way when to come
//! again: `RetryInfo`, `QuotaFailure`, `grpc-retry-pushback-ms`, `RateLimit` and `RateLimit-Policy`.

mod config;
mod gcra;
mod layer;
mod limits;
mod table;

pub use config::RateLimitConfig;
pub(super) use layer::RateLimitLayer;
pub(super) use limits::Limits;
pub(crate) use limits::{quota, rounded_up};
