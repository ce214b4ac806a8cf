//! Whether servers are asked how they are.

/// Whether servers are asked how they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthConfig {
    /// The service whose health is watched on each endpoint; `""` is the whole server (gRFC A17, `serviceName`).
    /// `None`: nobody asks.
    pub watch: Option<String>,
}
