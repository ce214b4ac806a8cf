//! What a contract promises per method, and the rules that make a promise unsafe.
//!
//! This crate is plain data and pure functions. `mesh-build` reads the options of every method from the
//! .proto files, asks [`check_contract`] whether they are safe, and writes them down as a static
//! [`PolicyTable`]; `mesh-rpc` looks a method up there by its path. The same rules judge a policy that
//! configuration has changed: [`check_policy`].
//!
//! The semantics of retries and hedges are those of gRFC A6.

mod codes;
mod field;
mod method;
mod retry;
mod rules;
mod table;

pub use codes::Codes;
pub use field::{FieldEncoding, MessageField};
pub use method::{Criticality, HedgePolicy, Idempotency, MethodPolicy, RateLimit};
pub use retry::{RetryPolicy, SMALLEST_JITTER};
pub use rules::{
    ATTEMPTS, FieldShape, Repeat, RequestShape, SHORTEST_ATTEMPT, Unsafe, check_contract, check_policy,
};
pub use table::PolicyTable;
