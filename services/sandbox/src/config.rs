//! What can be chosen.

use std::{net::SocketAddr, time::Duration};

use mesh_rpc::Target;

/// What can be chosen of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxConfig {
    /// Where it is served. Default 127.0.0.1:50054.
    pub listen: SocketAddr,
    /// Who is told by `provider.v1.WebhookService/Notify` what was settled later; nobody if absent, the default.
    pub webhook: Option<Target>,
    /// How late `tok_slow` answers. Default 3 s.
    pub slow_by: Duration,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50_054)),
            webhook: None,
            slow_by: Duration::from_secs(3),
        }
    }
}
