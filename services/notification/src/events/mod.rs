//! What the notification service consumes. It publishes nothing yet.

mod body;
mod reasons;
mod receipt;
mod receipts;
mod subscriptions;
mod welcome;

pub use receipts::SendReceipts;
pub use subscriptions::{RECEIPTS_QUEUE, WELCOME_QUEUE, receipts, subscriptions, welcomes};
pub use welcome::WelcomeUser;
