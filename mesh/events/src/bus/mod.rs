//! The bus: durable queues between those who tell and those who ask.

mod contract;
mod delivery;
mod error;
mod parked;
mod subscription;

pub use contract::{Bus, Deliveries, Depth, Outcome, Published};
pub use delivery::{Delivery, Receipt};
pub use error::BusError;
pub use parked::{ParkedEvent, ParkedPage};
pub use subscription::Subscription;
