//! The load generator: imports users, measures what an import costs, and tortures.

mod compare;
mod cql;
mod import;
mod lag;
mod pay;
mod publish;
mod stack;
mod start;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use load::{outage, torture};
use tokio::runtime::Builder;

/// Loads a running stack.
#[derive(Debug, Parser)]
#[command(name = "load", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Imports users from a CSV file with the columns email, display_name and locale.
    Import(import::Arguments),
    /// Imports into a stack of its own, beside redb alone doing the same writes.
    Compare(compare::Arguments),
    /// Creates and reads users on a CQL cluster, beside the driver alone running the same statements.
    Cql(cql::Arguments),
    /// Publishes events from the outbox on CQL into RabbitMQ, beside lapin alone with the same messages.
    Publish(publish::Arguments),
    /// Measures how long it takes from the commit of a user to what consumers make of it, on CQL and RabbitMQ.
    Lag(lag::Arguments),
    /// Takes the broker away under load: no call may fail, and every mail must be sent afterwards, once.
    Outage(outage::Arguments),
    /// Takes payments through a stack of its own, beside redb alone doing the same writes.
    Pay(pay::Arguments),
    /// Tortures a stack of its own: many clients do everything at once, the programs are killed meanwhile, and the
    /// history of it is judged.
    Torture(torture::Arguments),
    /// Tortures a cluster: three CQL nodes, the broker and two replicas of each service; `cargo rig torture` calls it.
    Cluster(torture::ClusterArguments),
    /// Measures how fast the stack is ready and what memory it needs.
    Start(start::Arguments),
}

/// As the programs that it measures.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let runtime = runtime_of(&command).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(command)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Callers are tasks, not the thread that has started a runtime of several and hands all that it asks for to another
/// one. So where a call is compared with a query, both sides have one thread for everything.
fn runtime_of(command: &Command) -> Builder {
    match command {
        Command::Cql(_) => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Import(arguments) => import::run(&arguments).await,
        Command::Compare(arguments) => compare::run(&arguments).await,
        Command::Cql(arguments) => cql::run(&arguments).await,
        Command::Publish(arguments) => publish::run(&arguments).await,
        Command::Lag(arguments) => lag::run(&arguments).await,
        Command::Outage(arguments) => outage::command(&arguments).await,
        Command::Pay(arguments) => pay::run(&arguments).await,
        Command::Torture(arguments) => torture::command(&arguments).await,
        Command::Cluster(arguments) => torture::cluster(&arguments).await,
        Command::Start(arguments) => start::run(&arguments).await,
    }
}
