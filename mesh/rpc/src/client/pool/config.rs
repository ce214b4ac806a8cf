//! How many connections an endpoint has.

use std::time::Duration;

/// How many connections an endpoint has (gRFC A105).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// The most connections to one endpoint. A further one is opened when all that there are have as many calls in
    /// flight as the peer allows (`SETTINGS_MAX_CONCURRENT_STREAMS`). A105 allows up to 10.
    pub max_connections: usize,
    /// How long a connection that is not the first has no call before it is closed.
    pub idle: Duration,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self { max_connections: 10, idle: Duration::from_secs(30) }
    }
}

impl PoolConfig {
    pub(in crate::client) fn check(&self) -> Result<(), &'static str> {
        if self.max_connections == 0 {
            return Err("pool.max_connections must be at least 1");
        }
        if self.idle.is_zero() {
            return Err("pool.idle must be more than 0");
        }
        Ok(())
    }
}
