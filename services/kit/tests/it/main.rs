//! One binary for the crate's tests of behaviour.

mod bus;
mod cache;
mod cache_race;
mod config;
mod cql;
mod cql_commit;
mod engine;
mod lifecycle;
