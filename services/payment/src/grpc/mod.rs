//! Protobuf to domain and back, and nothing else.

mod convert;
mod payments;
mod reconciliation;
mod webhook;

pub use payments::PaymentApi;
pub use reconciliation::ReconciliationApi;
pub use webhook::WebhookApi;
