//! The driver, when the provider or the service itself does not do as it should.

mod answers;
mod contradictions;
mod expiry;
mod outage;
mod patience;
mod replicas;
