//! The notification service: messages to people, their history, and the administration of events that could
//! not be digested.
//!
//! A notification is durable before the answer and sent afterwards by the courier: at least once, always
//! under the same Message-ID.

pub mod app;
pub mod clients;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
pub mod mail;
pub mod open;
mod service;
pub mod store;
pub mod templates;

pub use config::{MailConfig, NotificationConfig};
pub use service::{NotificationService, StartError};
