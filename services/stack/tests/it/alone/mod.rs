//! The services as programs of their own, on real servers.

mod defaults;
mod embedded;
mod programs;
mod servers;
mod stack;
