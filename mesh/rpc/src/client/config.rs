//! The bounds of a channel.

use std::time::Duration;

use super::{
    adaptive_throttle::AdaptiveThrottleConfig, balance::BalanceConfig, health::HealthConfig,
    outlier::OutlierConfig, pool::PoolConfig,
};
use crate::message::{CompressionConfig, MAX_BYTES};

/// The bounds of a channel: how it connects, and when it gives up on a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelConfig {
    /// How long one attempt to connect may take.
    pub connect_timeout: Duration,
    /// The wait after the first failed attempt to connect; it grows by 1.6 with each further one
    /// (grpc/doc/connection-backoff.md), give or take a fifth.
    pub backoff_initial: Duration,
    /// The longest wait between two attempts, before jitter.
    pub backoff_max: Duration,
    /// How often a silent connection is asked by a ping whether it still lives. Also while it is idle: a peer
    /// that vanished should be missed before the next call needs it. A server that says that this is too often (GOAWAY,
    /// `too_many_pings`, or soon after a ping without these words) is believed: for new connections of the channel the
    /// interval is twice as long from then on, up to two hours (gRFC A8).
    pub keepalive_interval: Duration,
    /// How long the answer to that ping may take before the connection counts as dead.
    pub keepalive_timeout: Duration,
    /// The size of a response's headers, in bytes (`SETTINGS_MAX_HEADER_LIST_SIZE`).
    pub max_header_list_size: u32,
    /// The largest message of an answer, in bytes, as it is when it is decompressed; a larger one ends its call with
    /// RESOURCE_EXHAUSTED as soon as its prefix has come. The codecs of a generated client have a bound of their own,
    /// 4 MiB unless its `max_decoding_message_size` says otherwise, and say OUT_OF_RANGE.
    pub max_response_bytes: usize,
    /// Whether requests are compressed, and servers told that answers may be; `None`: neither. Answers may come
    /// compressed in any case.
    pub compression: Option<CompressionConfig>,
    /// Calls in flight at once on one endpoint; further ones wait, each within its deadline. The default is what a
    /// server of this mesh takes at once on one connection (`ServerConfig::max_concurrent_streams`): what it would
    /// not take does not pile up in the connection either.
    pub max_in_flight: usize,
    /// Calls in flight at once on all endpoints together; further ones fail at once with UNAVAILABLE, and are not
    /// retried (gRFC A32: 1,024).
    pub max_requests: usize,
    /// Calls that wait for an endpoint to come or to have room; further ones fail at once with UNAVAILABLE.
    pub max_queued: usize,
    /// How often a name is resolved again while nothing goes wrong, if its TTL does not make it sooner. It is resolved
    /// at once, but no more than once a second, when a connection is lost or fails.
    pub resolve_interval: Duration,
    /// How calls are spread over endpoints.
    pub balance: BalanceConfig,
    /// When an endpoint that answers badly is left alone for a while.
    pub outlier: OutlierConfig,
    /// How many connections an endpoint has.
    pub pool: PoolConfig,
    /// Whether servers are asked how they are.
    pub health: HealthConfig,
    /// When calls are held back, because servers turn most of them away.
    pub adaptive_throttle: AdaptiveThrottleConfig,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            backoff_initial: Duration::from_millis(100),
            backoff_max: Duration::from_secs(5),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
            max_header_list_size: 16 * 1024,
            max_response_bytes: MAX_BYTES,
            compression: None,
            max_in_flight: 1_000,
            max_requests: 1_024,
            max_queued: 1_024,
            resolve_interval: Duration::from_secs(30),
            balance: BalanceConfig::default(),
            outlier: OutlierConfig::default(),
            pool: PoolConfig::default(),
            health: HealthConfig::default(),
            adaptive_throttle: AdaptiveThrottleConfig::default(),
        }
    }
}

/// A bound that no channel can work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the channel's configuration is wrong: {0}")]
pub struct ChannelConfigError(pub(super) &'static str);

impl ChannelConfig {
    pub(super) fn check(&self) -> Result<(), ChannelConfigError> {
        let zero = [
            (self.connect_timeout, "connect_timeout must be more than 0"),
            (self.backoff_initial, "backoff_initial must be more than 0"),
            (self.keepalive_interval, "keepalive_interval must be more than 0"),
            (self.keepalive_timeout, "keepalive_timeout must be more than 0"),
            (self.resolve_interval, "resolve_interval must be more than 0"),
        ]
        .into_iter()
        .find(|(value, _)| value.is_zero());
        if let Some((_, mistake)) = zero {
            return Err(ChannelConfigError(mistake));
        }
        if self.backoff_max < self.backoff_initial {
            return Err(ChannelConfigError("backoff_max must not be less than backoff_initial"));
        }
        if self.max_header_list_size < 1024 {
            return Err(ChannelConfigError("max_header_list_size must be at least 1024 bytes"));
        }
        if self.max_in_flight == 0 {
            return Err(ChannelConfigError("max_in_flight must be at least 1"));
        }
        if self.max_requests == 0 {
            return Err(ChannelConfigError("max_requests must be at least 1"));
        }
        self.balance.check().map_err(ChannelConfigError)?;
        self.outlier.check().map_err(ChannelConfigError)?;
        self.adaptive_throttle.check().map_err(ChannelConfigError)?;
        self.pool.check().map_err(ChannelConfigError)
    }
}
