//! What both services stand on.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use load::servers::Lent;
use mesh_events::rabbitmq::RabbitConfig;
use service_kit::{
    cql::{Cql, CqlConfig},
    embedded::{Engine, EngineConfig},
    process::{Bus, BusConfig, BusKind, Storage},
};

/// How long the broker may take to answer at first.
const START: Duration = Duration::from_secs(30);

/// Servers, or a file.
pub(super) enum Ground<'a> {
    /// A keyspace for each service, and a virtual host.
    Servers(&'a Lent),
    /// All in one file, as on a laptop.
    File { path: PathBuf, engine: Engine },
}

impl Ground<'_> {
    /// A new file in `folder`.
    pub(super) fn file(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("stack.redb");
        let engine = Engine::open(&path, EngineConfig::default()).context("cannot open a file")?;
        Ok(Self::File { path, engine })
    }

    /// The store of a service.
    pub(super) async fn storage(&self, service: &str) -> anyhow::Result<Storage> {
        match self {
            Self::Servers(lent) => {
                let config = CqlConfig::plain(lent.nodes.clone(), &lent.keyspace(service));
                Ok(Storage::Cql(Cql::connect(&config).await?))
            }
            Self::File { path, engine } => {
                Ok(Storage::Embedded { path: path.clone(), engine: engine.clone() })
            }
        }
    }

    /// A bus for the user service and one for the notification service, or one for both.
    pub(super) async fn buses(&self) -> anyhow::Result<Vec<Bus>> {
        match self {
            Self::Servers(lent) => {
                let config = BusConfig {
                    kind: BusKind::RabbitMq,
                    rabbitmq: RabbitConfig::new(lent.uri(lent.broker.amqp).parse()?),
                    start_timeout: START,
                };
                Ok(vec![Bus::rabbitmq(&config, "user").await?, Bus::rabbitmq(&config, "notification").await?])
            }
            Self::File { engine, .. } => Ok(vec![Bus::embedded(engine).await?]),
        }
    }

    /// Closes the file, if it is one.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Servers(_) => Ok(()),
            Self::File { engine, .. } => engine.close().await.context("cannot close the file"),
        }
    }
}
