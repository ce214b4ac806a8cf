//! The rules that make a promise unsafe.

mod check;
mod repeats;
mod request;
mod unsafety;

pub use check::{check_contract, check_policy};
pub use repeats::{ATTEMPTS, SHORTEST_ATTEMPT};
pub use request::{FieldShape, RequestShape};
pub use unsafety::{Repeat, Unsafe};

#[cfg(test)]
mod tests;
