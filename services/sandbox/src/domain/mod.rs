//! What the sandbox is asked for, what it may do about it, and what each token makes of it. No I/O.

mod account;
mod order;
mod token;
mod transaction;

pub use account::{Account, Hold, Impossible};
pub use order::{Key, Kind, Method, Order};
pub use token::Token;
pub use transaction::{Outcome, Transaction};
