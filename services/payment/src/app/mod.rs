//! What the service does, on a store, a provider and a clock it does not know.

mod books;
mod driver;
mod payments;
mod reads;
mod reconciliation;
mod turns;
mod webhooks;

pub use books::{Books, Kept, StepError};
pub use driver::{Driver, DriverHandle};
pub use payments::{Order, Payments};
pub use reconciliation::{Finding, FindingKind, MAX_FINDINGS, Reconciliation, Report, Total};
pub use webhooks::Webhooks;
