//! What a server does with very many connections and callers: it serves them, in memory that they give back, and turns
//! away those that are too many.

mod callers;
mod clients;
mod server;
mod surplus;
mod waves;

use anyhow::Context as _;
use rustix::process::{Resource, getrlimit, setrlimit};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Connections at once.
    #[arg(long, default_value_t = 10_000)]
    connections: u32,
    /// How often they all come and go.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u8).range(4..=100))]
    waves: u8,
    /// Calls on each.
    #[arg(long, default_value_t = 3)]
    calls: u32,
    /// Callers that a limit is kept for.
    #[arg(long, default_value_t = 100_000)]
    callers: u32,
}

/// Runs all of it.
///
/// # Errors
/// When something is not as it must be.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let files = raise_limit(u64::from(arguments.connections) + 200)?;
    println!("{} connections, {files} files may be open", arguments.connections);
    waves::run(arguments).await.context("waves")?;
    surplus::run().await.context("surplus")?;
    callers::run(arguments.callers).await.context("callers")
}

/// As many files as the system allows, for this process and those that it starts.
fn raise_limit(needed: u64) -> anyhow::Result<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("cannot raise the limit of open files")?;
    let files = limit.maximum.unwrap_or(u64::MAX);
    anyhow::ensure!(files >= needed, "{files} files may be open, {needed} are needed");
    Ok(files)
}
