//! What the user service's users rely on.

mod api;
mod conformance;
mod embedded;
