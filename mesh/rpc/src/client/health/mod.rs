//! Active health: what a server says of itself, by a watch of grpc.health.v1 on its own connection (gRFC A17).
//!
//! Off by default: an endpoint that accepts connections is then ready. Where it is on, an endpoint is ready once it
//! says SERVING, and not any more when it says anything else:
//!
//! ```text
//!             connected            SERVING
//!   (none) ──────────────> Unknown ───────> Serving <──────┐ SERVING
//!                             │   UNIMPLEMENTED: for good  │
//!                             └─── else ──> NotServing <───┴── else, or the watch failed
//! ```

mod config;
mod follow;
mod vital;

pub use config::HealthConfig;
pub(super) use follow::follow;
pub(super) use vital::{Vital, Vitals};
