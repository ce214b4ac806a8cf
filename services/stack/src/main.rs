//! All services in one process on the embedded store: the newcomer's first command.
fn main() {}
