//! What is counted and measured: instruments that calls write, and the registry that exporters read.
//!
//! Two ways to one number. Who counts the same thing for many methods and statuses has a set of instruments of a
//! fixed shape ([`ClientMetrics`], [`ServerMetrics`]), made when a channel or server is built. Everybody else asks the
//! registry for one instrument by its [`Descriptor`] ([`Registry::counter`] and its sisters) and keeps the handle.
//!
//! To write is a relaxed atomic or two: nothing is allocated, locked or looked up by a key. What several instruments
//! have in common (the same name and attributes) is added up when it is read. An instrument lives as long as whoever
//! writes it, and what it has counted stays: a channel that is dropped leaves its counters and histograms behind.

mod buckets;
mod counter;
mod descriptor;
mod grpc;
mod histogram;
pub mod prometheus;
mod registry;
mod snapshot;

pub use buckets::{HEDGES, LATENCY_NANOS, RETRIES, SIZE_BYTES, TRANSPARENT_RETRIES};
pub use counter::{Counter, UpDownCounter};
pub use descriptor::{Descriptor, Kind, Unit};
pub use grpc::{
    AttemptEnd, ClientMethod, ClientMetrics, Detection, Repeats, ServerMethod, ServerMetrics, Unenforced,
};
pub use histogram::Histogram;
pub use registry::{Registered, Registry, Single, Source};
pub use snapshot::{Attributes, Family, Snapshot, Value};
