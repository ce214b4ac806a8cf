//! The bounds of a server.

use std::time::Duration;

use super::{rate_limit::RateLimitConfig, shed::LoadShedConfig};
use crate::message::{CompressionConfig, MAX_BYTES};

/// The bounds of a server: how much it takes on, and how long it waits. The defaults suit a laptop and a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Connections at once. Further ones are told GOAWAY before any call of theirs is looked at, and closed: their clients
    /// call elsewhere, or fail at once.
    pub max_connections: usize,
    /// Calls at once on one connection (`SETTINGS_MAX_CONCURRENT_STREAMS`).
    pub max_concurrent_streams: u32,
    /// The size of a request's headers, in bytes (`SETTINGS_MAX_HEADER_LIST_SIZE`).
    pub max_header_list_size: u32,
    /// The largest message of a request, in bytes, as it is when it is decompressed; a larger one is refused with
    /// RESOURCE_EXHAUSTED as soon as its prefix has come. The codecs of a generated service have a bound of their own,
    /// 4 MiB unless its `max_decoding_message_size` says otherwise, and answer OUT_OF_RANGE.
    pub max_request_bytes: usize,
    /// When answers are compressed; `None`: never. Requests may come compressed in any case.
    pub compression: Option<CompressionConfig>,
    /// How long a call without a deadline may stand still for want of its caller: a message that has begun may be
    /// without a byte for so long, and so may the message of a method that takes just one (DEADLINE_EXCEEDED); an answer may be kept
    /// waiting for so long by a caller that reads none of it (its stream is reset). Calls with a deadline end by that.
    pub stall_timeout: Duration,
    /// How old a connection becomes, give or take a tenth, before it takes no more calls (gRFC A9): GOAWAY, twice, so
    /// that no call is lost, and its client connects anew, perhaps to a server that was not there before. `None`: any
    /// age.
    pub max_connection_age: Option<Duration>,
    /// How long the calls of a connection that has become too old, or idle, may still take; then they are cut. `None`:
    /// as long as they do.
    pub max_connection_age_grace: Option<Duration>,
    /// How long a connection may be without a call before it takes no more, to a quarter more (gRFC A9). `None`: for
    /// ever.
    pub max_connection_idle: Option<Duration>,
    /// How long one frame of HTTP/2, and the headers of one request, may take from the first byte to the last; whoever
    /// takes longer loses the connection.
    pub frame_timeout: Duration,
    /// How soon after one PING the next may come while no call goes on (gRFC A8). Who asks sooner more than twice
    /// loses the connection: GOAWAY(ENHANCE_YOUR_CALM).
    pub min_ping_interval: Duration,
    /// Streams that a peer may open and reset before the server has looked at them (CVE-2023-44487, "rapid reset");
    /// with one more it loses the connection: GOAWAY(ENHANCE_YOUR_CALM). Callers that give up at their deadline do
    /// that too when the server has stood still for a moment, so it must not be too small.
    pub max_rapid_resets: usize,
    /// How long a new connection may take to begin speaking HTTP/2.
    pub handshake_timeout: Duration,
    /// How often a silent connection is asked by a ping whether it still lives.
    pub keepalive_interval: Duration,
    /// How long the answer to that ping may take before the connection counts as dead.
    pub keepalive_timeout: Duration,
    /// How long the server still accepts calls once it reports NOT_SERVING, so that load balancers can look
    /// away first. Zero where nobody looks; some seconds in Kubernetes.
    pub lame_duck: Duration,
    /// How long calls in flight may take to finish once the server has stopped accepting. A connection that is done
    /// hears its peer out before it is closed, for two seconds at most, so that the last answers are not lost.
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
            max_request_bytes: MAX_BYTES,
            compression: None,
            stall_timeout: Duration::from_secs(60),
            max_connection_age: Some(Duration::from_secs(30 * 60)),
            max_connection_age_grace: Some(Duration::from_secs(10 * 60)),
            max_connection_idle: Some(Duration::from_secs(15 * 60)),
            frame_timeout: Duration::from_secs(10),
            min_ping_interval: Duration::from_millis(500),
            max_rapid_resets: 200,
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
        } else if [self.max_connection_age, self.max_connection_idle]
            .into_iter()
            .flatten()
            .any(|time| time.is_zero())
        {
            Some("max_connection_age and max_connection_idle must be more than 0")
        } else if self.frame_timeout.is_zero() {
            Some("frame_timeout must be more than 0")
        } else if self.stall_timeout.is_zero() {
            Some("stall_timeout must be more than 0")
        } else if self.handshake_timeout.is_zero() {
            Some("handshake_timeout must be more than 0")
        } else if self.keepalive_interval.is_zero() || self.keepalive_timeout.is_zero() {
            Some("keepalive_interval and keepalive_timeout must be more than 0")
        } else {
            self.load_shed.mistake().or_else(|| self.rate_limit.mistake())
        }
    }
}
