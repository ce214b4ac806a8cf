//! The user service: users, their profiles and their sessions.
//!
//! A user is durable before the answer, together with the event that tells of it; the profile is created in
//! answer to that event and read through a cache; a session's token is told once and only its hash is kept.
//!
//! The way in is [`grpc`]; [`app`] decides, on types from [`domain`] that cannot hold a wrong value; [`store`]
//! keeps; [`events`] says what is published and what is consumed.

pub mod app;
pub mod cache;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
pub mod open;
mod service;
pub mod store;

pub use config::UserConfig;
pub use service::UserService;
