//! A link between two programs that can be broken: a TCP proxy, with faults switched while it runs.

mod fault;
mod link;
mod listen;
mod pump;

pub use fault::{Direction, Fault};
pub use listen::Proxy;

#[cfg(test)]
mod tests;
