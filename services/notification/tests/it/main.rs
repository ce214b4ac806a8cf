//! What the notification service's users rely on.

mod api;
mod conformance;
mod courier;
mod embedded;
mod smtp;
