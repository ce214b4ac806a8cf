//! The bus on a real broker, and where that cannot be had at will, on one that does as a test says.

mod announcements;
mod blocked;
mod fake_broker;
mod harness;
mod loss;
mod parking;
mod returned;
mod telemetry;
mod tls;

mod conformance {
    use crate::harness::RabbitHarness;

    mesh_events::bus_conformance!(RabbitHarness);
}
