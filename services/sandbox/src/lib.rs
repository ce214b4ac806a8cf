//! A payment provider to develop and test against, with its own durable books and tokens that misbehave.
//!
//! It keeps the promise of `provider.v1`: what it is asked for under one key it does once, and answers the same for
//! ever. Everything that it answers lies on its disk first, so `kill -9` at any moment loses nothing that it said.
//! It keeps books of its own, by rules of its own: who asks for what cannot be is refused, and whoever wants to know
//! what really happened asks it ([`ListTransactions`](proto::provider::v1)) and not the payment service.
//!
//! # Tokens
//! The payment method of a request says how the sandbox behaves towards this request:
//!
//! | token | behaviour |
//! |---|---|
//! | `tok_ok` | everything possible is done |
//! | `tok_decline` | an authorization is declined, `insufficient_funds` |
//! | `tok_decline_capture` | a capture is declined, `capture_refused` |
//! | `tok_decline_refund` | a refund is declined, `refund_refused` |
//! | `tok_5xx_once` | the first Execute of each key fails with INTERNAL and does nothing |
//! | `tok_timeout_after_commit` | the first Execute of each key does it and never answers |
//! | `tok_slow` | every Execute answers late; it is done before the wait |
//! | `tok_dup_webhook` | Execute answers PENDING; it is settled soon after, and the webhook called twice |
//! | any other | declined, `unknown_token` |
//!
//! # Rooms
//! [`domain`] decides what is possible and what a token means. The store keeps it, each answer in one transaction.
//! [`Sandbox`] puts it together: a server, and what runs beside it to settle and to call the webhook.

mod app;
mod config;
pub mod domain;
mod error;
mod grpc;
mod service;
mod store;

pub use config::SandboxConfig;
pub use service::{Sandbox, StartError};
