//! The bus that carries events from service to service.

use std::{sync::Arc, time::Duration};

use mesh_events::{
    Broadcast, Bus as AnyBus, BusError,
    embedded::{EmbeddedBus, EmbeddedBusConfig},
    rabbitmq::{RabbitBus, RabbitConfig, RabbitUri},
};
use thiserror::Error;
use tokio::time::{Instant, sleep};

use super::topology;
use crate::{config::Section, embedded::Engine};

/// The broker on a developer's machine, as it is when nobody has changed it.
const HERE: &str = "amqp://guest:guest@127.0.0.1:5672/%2f";

/// How often a broker that does not answer is asked again at start.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The two kinds of buses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusKind {
    /// In a file of one process, and so only for all services in that process.
    Embedded,
    /// A RabbitMQ broker, between any number of processes.
    RabbitMq,
}

/// Which bus, and where it is.
#[derive(Clone, Debug)]
pub struct BusConfig {
    /// Which one.
    pub kind: BusKind,
    /// The broker, and how it is used.
    pub rabbitmq: RabbitConfig,
    /// How long the broker may take to answer when the program starts.
    pub start_timeout: Duration,
}

/// An open bus. Clones share it.
#[derive(Clone, Debug)]
pub enum Bus {
    /// In a file.
    Embedded(EmbeddedBus<Engine>),
    /// A broker.
    RabbitMq(RabbitBus),
}

/// Why there is no bus.
#[derive(Debug, Error)]
pub enum OpenBusError {
    /// The file cannot be used.
    #[error("cannot open the bus")]
    File(#[source] BusError),
    /// The broker did not answer in time.
    #[error("the broker could not be reached within {patience:?}")]
    Broker {
        /// The time it had.
        patience: Duration,
        /// Why not, the last time it was tried.
        #[source]
        source: BusError,
    },
}

// === impl BusConfig ===

impl BusConfig {
    /// Reads the settings from a section; `kind` is the default.
    pub fn read(section: &mut Section<'_>, kind: BusKind) -> Self {
        let kind = section.choice(
            "kind",
            kind,
            &[("embedded", BusKind::Embedded), ("rabbitmq", BusKind::RabbitMq)],
            "Which way events go: embedded in one process that runs all services, or through rabbitmq, whose settings follow",
        );
        let uri = section
            .secret("uri", "The broker, amqp://user:password@host:port/vhost; unset: guest on this machine");
        let uri = uri.as_ref().map_or(HERE, |uri| uri.expose()).parse().unwrap_or_else(|_| {
            section.reject("uri", "expected amqp://user:password@host:port/vhost");
            here()
        });
        let start_timeout = section.duration(
            "start_timeout",
            Duration::from_secs(60),
            Duration::from_secs(1)..=Duration::from_secs(3_600),
            "How long the broker may take to answer when the program starts",
        );
        Self { kind, rabbitmq: RabbitConfig::new(uri), start_timeout }
    }

    /// Reads the settings of a service that runs alone: its events have to leave the process.
    pub fn read_between_processes(section: &mut Section<'_>) -> Self {
        let config = Self::read(section, BusKind::RabbitMq);
        if config.kind == BusKind::Embedded {
            section.reject(
                "kind",
                "expected \"rabbitmq\": the embedded bus lies in the one process that runs all services, which is `stack`",
            );
        }
        config
    }
}

fn here() -> RabbitUri {
    HERE.parse().expect("a test reads it")
}

// === impl Bus ===

impl Bus {
    /// Opens the bus in a file, with every queue of the platform.
    ///
    /// # Errors
    /// [`OpenBusError::File`].
    pub async fn embedded(engine: &Engine) -> Result<Self, OpenBusError> {
        let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await;
        let bus = bus.map_err(OpenBusError::File)?;
        bus.declare(&topology()).await.map_err(OpenBusError::File)?;
        Ok(Self::Embedded(bus))
    }

    /// Connects to the broker in the name of `program`, and makes every queue of the platform that is missing. A
    /// broker that is not there yet is waited for.
    ///
    /// # Errors
    /// [`OpenBusError::Broker`].
    pub async fn rabbitmq(config: &BusConfig, program: &str) -> Result<Self, OpenBusError> {
        let (start, patience) = (Instant::now(), config.start_timeout);
        let connection_name = program.to_owned();
        let bus = RabbitBus::open(RabbitConfig { connection_name, ..config.rabbitmq.clone() });
        loop {
            match bus.declare(&topology()).await {
                Ok(()) => return Ok(Self::RabbitMq(bus)),
                Err(source) if start.elapsed() + ASK_AGAIN > patience => {
                    bus.close().await;
                    return Err(OpenBusError::Broker { patience, source });
                }
                Err(error) => {
                    let error = mesh_telemetry::chain(&error);
                    tracing::warn!(%error, "the broker cannot be reached yet; trying again");
                    sleep(ASK_AGAIN).await;
                }
            }
        }
    }

    /// As what publishers and consumers know.
    #[must_use]
    pub fn shared(&self) -> Arc<dyn AnyBus> {
        match self {
            Self::Embedded(bus) => Arc::new(bus.clone()),
            Self::RabbitMq(bus) => Arc::new(bus.clone()),
        }
    }

    /// As what caches know.
    #[must_use]
    pub fn broadcast(&self) -> Arc<dyn Broadcast> {
        match self {
            Self::Embedded(bus) => Arc::new(bus.clone()),
            Self::RabbitMq(bus) => Arc::new(bus.clone()),
        }
    }

    /// Closes it, once nobody publishes or consumes any more.
    pub async fn close(self) {
        match self {
            Self::Embedded(bus) => {
                if let Err(error) = bus.close().await {
                    let error = mesh_telemetry::chain(&error);
                    tracing::warn!(%error, "the bus was not closed cleanly");
                }
            }
            Self::RabbitMq(bus) => bus.close().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn mistakes(variables: &[(&str, &str)]) -> String {
        let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut source = Source::load(None, env, "T").unwrap();
        BusConfig::read_between_processes(&mut source.section("bus"));
        source.finish().map(|_| String::new()).unwrap_or_else(|mistakes| mistakes.to_string())
    }

    #[test]
    fn a_developers_machine_needs_no_settings() {
        assert_eq!(mistakes(&[]), "");
        assert_eq!(here().to_string(), "amqp://guest:***@127.0.0.1:5672/%2f");
    }

    #[test]
    fn an_embedded_bus_of_one_service_is_a_mistake() {
        let said = mistakes(&[("T_BUS_KIND", "embedded")]);
        assert!(said.contains("bus.kind") && said.contains("`stack`"), "{said}");
    }

    #[test]
    fn a_wrong_address_is_told_without_its_password() {
        let said = mistakes(&[("T_BUS_URI", "http://app:hush@broker")]);
        assert!(said.contains("amqp://user:password@host:port/vhost") && !said.contains("hush"), "{said}");
    }
}
