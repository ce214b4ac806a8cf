//! Calls through the mesh beside calls through tonic's own transport, and through tonic and one Envoy: the same
//! contract, the same payload, as many calls in flight, a client on one core and a server on another. And what becomes
//! of calls when servers fail, and of a server with very many connections.

mod client;
mod collector;
mod compare;
mod connections;
mod contract;
mod cpu;
mod envoy;
mod failures;
mod server;
mod telling;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

/// Both sides have the allocator of the services.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whose client and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// tonic's own transport, as it comes.
    Tonic,
    /// The mesh, with everything on.
    Mesh,
}

#[derive(Debug, Parser)]
#[command(name = "calls", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs all of them in turn, several rounds, and prints the medians and the ratios.
    Compare(compare::Arguments),
    /// Opens very many connections to a server of the mesh, again and again, and looks at its memory.
    Connections(connections::Arguments),
    /// Kills, slows down, restarts and overloads replicas, and prints what became of the calls.
    Failures(failures::Arguments),
    /// Serves a contract whose calls take time, and does what it is told.
    Replica(failures::ReplicaArguments),
    /// Serves the contract, and prints where.
    Server(server::Arguments),
    /// Calls a server for a while, and prints what came of it as JSON.
    Client(client::Arguments),
}

/// One worker: a side has one core.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Compare(arguments) => compare::run(&arguments).await,
        Command::Connections(arguments) => connections::run(&arguments).await,
        Command::Failures(arguments) => failures::run(&arguments).await,
        Command::Replica(arguments) => failures::run_replica(&arguments).await,
        Command::Server(arguments) => server::run(&arguments).await,
        Command::Client(arguments) => client::run(&arguments).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
