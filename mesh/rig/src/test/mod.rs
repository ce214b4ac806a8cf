//! `cargo rig test`: `cargo test` over everything, with the servers that it needs, which cannot pass by running
//! nothing and leaves nothing behind.

mod child;
mod interrupt;
mod narrowed;
mod needs;
mod printed;
mod run;
mod stage;

pub(crate) use child::signal;
pub(crate) use interrupt::Interrupt;
pub(crate) use narrowed::Narrowed;
pub(crate) use run::run;
