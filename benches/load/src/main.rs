//! The load generator: imports users and measures what an import costs.
fn main() {}
