//! The bounds of a server.

use std::time::Duration;

use super::{rate_limit::RateLimitConfig, shed::LoadShedConfig};

/// The bounds of a server: how much it takes on, and how long it waits. The defaults suit a laptop and a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Connections at once. Further ones wait in the listener's backlog until one ends.
    pub max_connections: usize,
    /// Calls at once on one connection (`SETTINGS_MAX_CONCURRENT_STREAMS`).
    pub max_concurrent_streams: u32,
    /// The size of a request's headers, in bytes (`SETTINGS_MAX_HEADER_LIST_SIZE`).
    pub max_header_list_size: u32,
    /// How long a new connection may take to begin speaking HTTP/2.
    pub handshake_timeout: Duration,
    /// How often a silent connection is asked by a ping whether it still lives.
    pub keepalive_interval: Duration,
    /// How long the answer to that ping may take before the connection counts as dead.
    pub keepalive_timeout: Duration,
    /// How long the server still accepts calls once it reports NOT_SERVING, so that load balancers can look
    /// away first. Zero where nobody looks; some seconds in Kubernetes.
    pub lame_duck: Duration,
    /// How long calls in flight may take to finish once the server has stopped accepting.
    pub drain_timeout: Duration,
    /// How many calls are worked on at once, and who is turned away when there are more.
    pub load_shed: LoadShedConfig,
    /// How often a caller may call a method.
    pub rate_limit: RateLimitConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_concurrent_streams: 1_000,
            max_header_list_size: 16 * 1024,
            handshake_timeout: Duration::from_secs(10),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
            lame_duck: Duration::ZERO,
            drain_timeout: Duration::from_secs(10),
            load_shed: LoadShedConfig::default(),
            rate_limit: RateLimitConfig::default(),
        }
    }
}

impl ServerConfig {
    /// The first field that no server can work with, and what it must be.
    pub(crate) fn mistake(&self) -> Option<&'static str> {
        if self.max_connections == 0 {
            Some("max_connections must be at least 1")
        } else if self.max_connections > tokio::sync::Semaphore::MAX_PERMITS {
            Some("max_connections is beyond what can be counted")
        } else if self.max_concurrent_streams == 0 {
            Some("max_concurrent_streams must be at least 1")
        } else if self.max_header_list_size < 1024 {
            Some("max_header_list_size must be at least 1024 bytes")
        } else if self.handshake_timeout.is_zero() {
            Some("handshake_timeout must be more than 0")
        } else if self.keepalive_interval.is_zero() || self.keepalive_timeout.is_zero() {
            Some("keepalive_interval and keepalive_timeout must be more than 0")
        } else {
            self.load_shed.mistake().or_else(|| self.rate_limit.mistake())
        }
    }
}
