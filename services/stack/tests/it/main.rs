//! The whole system, as its users meet it: the real program in its own process.

mod crash;
mod csv;
mod disk;
mod import;
mod mistakes;
mod process;
mod story;
