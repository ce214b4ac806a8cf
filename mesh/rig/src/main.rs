//! Development only: the `cargo rig` command.
fn main() {}
