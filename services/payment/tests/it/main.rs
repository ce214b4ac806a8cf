//! What the payment service's books promise.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

mod conformance;
mod embedded;
