//! Rate limits: how often one caller may call one method, and how often with one value of its `hash_key`.
//!
//! A limit is a token bucket, kept as one number by the generic cell rate algorithm (ITU-T I.371): the time at which
//! the bucket will be full again. The numbers of all callers and methods are in a table of fixed size. Who asks too
//! often gets `RESOURCE_EXHAUSTED` with `ErrorInfo.reason` `RATE_LIMITED`, and hears in every usual way when to come
//! again: `RetryInfo`, `QuotaFailure`, `grpc-retry-pushback-ms`, `RateLimit` and `RateLimit-Policy`.
//!
//! A call is judged twice: by its head, for what its caller asks of the method altogether (`layer`), and by its
//! message, for one key (`by_key`): behind the limits on messages and their decompression, before they are decoded.
//! A call that the second refuses counts for the first. Keys are as many as callers like, and the table is not: when
//! more keys are short of calls than it has room for, a new one may be refused that has asked for nothing yet, and
//! never may one that asked too much start anew. How many one caller can make so is bounded by its first limit.

mod by_key;
mod config;
mod gcra;
mod layer;
mod limits;
mod methods;
mod table;

pub(super) use by_key::KeyRateLimitLayer;
pub use config::RateLimitConfig;
pub(super) use layer::RateLimitLayer;
pub(super) use limits::Limits;
pub(crate) use limits::{quota, rounded_up};
