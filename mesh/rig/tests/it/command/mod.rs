//! The command, as it is called.

mod check;
mod test;
