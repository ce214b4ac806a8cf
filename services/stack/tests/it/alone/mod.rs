//! The services as programs of their own, on real servers.

mod away;
mod defaults;
mod embedded;
mod links;
mod programs;
mod servers;
mod stack;
mod start;
