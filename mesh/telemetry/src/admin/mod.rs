//! The port for whoever looks after the process: `GET /metrics` as Prometheus reads it, and `GET /livez`.
//!
//! Plain HTTP/1.1, one request a connection. It shares nothing with calls but the numbers it reads, has few places and
//! little patience.

mod answer;
mod server;

pub use server::Admin;

#[cfg(test)]
mod tests;
