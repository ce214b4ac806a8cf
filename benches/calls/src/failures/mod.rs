//! What goes wrong in a cluster, done to real processes under load, with the mesh and with tonic's own transport.
//!
//! Three replicas, each a process of its own; a client in this process offers calls at a fixed rate, whether or not
//! earlier ones have been answered (an open loop: callers do not wait for each other). With the mesh off the client is
//! tonic's channel over the same three addresses, with the same deadlines.

mod offered;
mod replica;
mod replicas;
mod scenarios;
mod tally;

pub(crate) use replica::{Arguments as ReplicaArguments, run as run_replica};

use clap::ValueEnum;

use crate::Kind;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only these.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Failure>,
    /// Only with this client and these servers.
    #[arg(long)]
    kind: Option<Kind>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Failure {
    /// One of three replicas is killed.
    Killed,
    /// One of three replicas answers 300 ms later than before.
    Slow,
    /// One of three replicas refuses every call at once.
    Refusing,
    /// All replicas are restarted, one after the other.
    Restarted,
    /// One replica is offered five times what it can do, and then less than that again.
    Overload,
}

/// Runs what was asked for and prints what became of the calls.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    for failure in Failure::value_variants() {
        if !arguments.only.is_empty() && !arguments.only.contains(failure) {
            continue;
        }
        for kind in [Kind::Mesh, Kind::Tonic] {
            if arguments.kind.is_none_or(|only| only == kind) {
                scenarios::run(*failure, kind).await?;
            }
        }
    }
    Ok(())
}
