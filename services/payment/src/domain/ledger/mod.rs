//! The ledger: what moved from whom to whom. Nothing in it ever changes; a correction is another transfer.
//!
//! Every transfer names an account that loses and one that gains the same amount, so a book sums to zero by
//! construction. Money moves in two phases, as TigerBeetle has it: a pending transfer reserves, and one
//! posting moves (up to) what was reserved or one voiding lets go of it; whichever comes, comes once.

mod balance;
mod fold;
mod transfer;

pub use balance::{Balance, LedgerError};
pub use fold::Ledger;
pub use transfer::{Account, Direction, NotPositive, Phase, Transfer, TransferId};
