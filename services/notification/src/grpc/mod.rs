//! `notification.v1.NotificationService`: protobuf to domain and back, and nothing else.

mod convert;
mod parked;
mod service;

pub use service::NotificationApi;
