//! Where the broker is, and the bus's bounds.

use std::{fmt, str::FromStr, time::Duration};

use lapin::uri::AMQPUri;

/// The address of a broker: `amqp://user:password@host:port/vhost`, the virtual host percent-encoded (`%2f` is the
/// broker's own `/`). `amqps` is the same over TLS: the broker's certificate must be signed by an authority that the
/// system trusts, or one in the file that `SSL_CERT_FILE` names. Never shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct RabbitUri(pub(super) AMQPUri);

/// A text is no address of a broker. The text is not shown: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no broker address; expected amqp://user:password@host:port/vhost")]
pub struct InvalidRabbitUri;

/// The bus's bounds. What has no default is the address.
#[derive(Clone, Debug, PartialEq)]
pub struct RabbitConfig {
    /// The broker.
    pub uri: RabbitUri,
    /// How the connections call themselves towards the broker. Default `mesh-events`.
    pub connection_name: String,
    /// The `source` attribute of published events. Default `/mesh`.
    pub source: String,
    /// How often a silent connection shows that it lives; after two beats without a sign it is lost. Whole
    /// seconds, at least 1. Default 10 s.
    pub heartbeat: Duration,
    /// The longest that connecting may take, and that a caller waits for a connection. Default 5 s.
    pub connect_timeout: Duration,
    /// The longest that the broker may take to confirm a batch, or to answer. Default 10 s.
    pub confirm_timeout: Duration,
    /// How long publishing waits while the broker blocks publishers. Default 1 s.
    pub blocked_timeout: Duration,
    /// The waits between two attempts to connect, doubling from the first to the second, each shortened by up to
    /// half at random. Default 200 ms and 10 s.
    pub backoff: (Duration, Duration),
    /// How often bindings are made again, in case somebody deleted them. Default 1 s.
    pub rebind_every: Duration,
    /// Batches that are published at the same time, each on a channel of its own and of at most 256 events: what
    /// is in flight is bounded by the product. A relay with much to do takes two. Default 4.
    pub publish_channels: usize,
    /// Events that one queue may hold, whether ready, out here, waiting or parked. Beyond that publishing to it is
    /// refused. Default 1,000,000.
    pub queue_events_max: u64,
    /// Deliveries without an outcome after which the broker itself parks an event; the net below the consumers'
    /// own limit, so give it more than those have attempts. Default 20.
    pub delivery_limit: u32,
    /// The waits for which there is a queue each. A retry goes to the first step that is not much shorter; within
    /// a step an event may come late by the step, never early. Use the steps of the consumers'
    /// [`Ladder`](crate::Ladder). Default 5 s, 1 min, 10 min, 1 h.
    pub ladder: Vec<Duration>,
    /// Parked events of one queue that are looked through to list them or to find one. Default 10,000.
    pub parked_scan_max: usize,
}

// === impl RabbitUri ===

impl FromStr for RabbitUri {
    type Err = InvalidRabbitUri;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| InvalidRabbitUri)
    }
}

impl fmt::Display for RabbitUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.0.authority;
        let (user, host, port) = (&authority.userinfo.username, &authority.host, authority.port);
        write!(
            f,
            "{scheme}://{user}:***@{host}:{port}/{}",
            self.0.vhost.replace('/', "%2f"),
            scheme = self.0.scheme
        )
    }
}

impl fmt::Debug for RabbitUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RabbitUri({self})")
    }
}

// === impl RabbitConfig ===

impl RabbitConfig {
    /// The defaults, for this broker.
    pub fn new(uri: RabbitUri) -> Self {
        Self {
            uri,
            connection_name: "mesh-events".to_owned(),
            source: "/mesh".to_owned(),
            heartbeat: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            confirm_timeout: Duration::from_secs(10),
            blocked_timeout: Duration::from_secs(1),
            backoff: (Duration::from_millis(200), Duration::from_secs(10)),
            rebind_every: Duration::from_secs(1),
            publish_channels: 4,
            queue_events_max: 1_000_000,
            delivery_limit: 20,
            ladder: [5, 60, 600, 3600].map(Duration::from_secs).to_vec(),
            parked_scan_max: 10_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_never_shows_its_password() {
        let config = RabbitConfig::new("amqp://app:hush@broker:5672/%2f".parse().unwrap());
        for shown in [config.uri.to_string(), format!("{config:?}")] {
            assert!(shown.contains("amqp://app:***@broker:5672/%2f") && !shown.contains("hush"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_shown() {
        for text in ["", "broker", "http://app:hush@broker", "amqp://app:hush@broker:port/"] {
            let refused = text.parse::<RabbitUri>().unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("hush"), "{text:?}");
        }
    }
}
