//! The random torture: many clients, many operations, and kills in between.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use indicatif::ProgressBar;
use tokio::task::JoinSet;

use super::{
    Report,
    client::{Client, Manner, Shared},
    pools::Pools,
    stage::{Setting, Stage},
};

/// No try of a call begins later than this after its first one.
const PATIENCE: Duration = Duration::from_secs(20);

/// One client in so many gives up on a call in doubt: what such a call did must be all or nothing, too.
const GIVES_UP: u32 = 4;

/// A torture.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where and on what.
    pub setting: Setting,
    /// Operations in all.
    pub operations: u64,
    /// Clients at once. One in four never tries a call in doubt again.
    pub clients: u32,
    /// How many users, payments, addresses and earlier calls all clients know of. The fewer, the more often they
    /// meet.
    pub pool: usize,
    /// How often something is killed, about; never, if it is not said.
    pub kill_every: Option<Duration>,
}

impl Config {
    /// A thousand operations of everything by eight clients, without kills.
    #[must_use]
    pub fn new(setting: Setting) -> Self {
        Self { setting, operations: 1_000, clients: 8, pool: 256, kill_every: None }
    }
}

/// Tortures, and judges what came of it. Something broken is no error: it is in the report.
///
/// # Errors
/// When a program cannot be started, does not come back, does not answer or does not stop cleanly, or the history
/// cannot be written.
pub async fn run(config: &Config) -> anyhow::Result<Report> {
    run_showing(config, ProgressBar::hidden()).await
}

/// As [`run`], with every operation that is over counted by `progress`.
///
/// # Errors
/// As [`run`].
pub async fn run_showing(config: &Config, progress: ProgressBar) -> anyhow::Result<Report> {
    let Config { setting, operations, clients, pool, kill_every } = config;
    let mut stage = Stage::open(setting, *clients, *kill_every).await?;
    let shared = Arc::new(Shared {
        journal: Arc::clone(&stage.journal),
        pools: Pools::new(*pool),
        left: AtomicU64::new(*operations),
        progress: progress.clone(),
        rest: Duration::ZERO,
    });
    let mut working = JoinSet::new();
    for number in 0..*clients {
        let retries = setting.retries && !number.is_multiple_of(GIVES_UP);
        let manner = Manner { retries, patience: PATIENCE };
        let client = Client::new(number, stage.api.clone(), manner, setting.seed);
        working.spawn(client.work(Arc::clone(&shared)));
    }
    stage.during(working.join_all()).await?;
    progress.set_message("waiting until all is quiet");
    stage.close().await
}
