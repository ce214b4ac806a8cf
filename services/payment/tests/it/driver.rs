//! The driver, when the provider or the service itself does not do as it should.

mod alone;
mod answers;
mod contradictions;
mod expiry;
mod late;
mod outage;
mod patience;
pub(crate) mod replicas;
mod steady;
