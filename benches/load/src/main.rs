//! The load generator: imports users and measures what an import costs.

mod compare;
mod import;
mod stack;
mod start;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    /// Measures how fast the stack is ready and what memory it needs.
    Start(start::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Import(arguments) => import::run(&arguments).await,
        Command::Compare(arguments) => compare::run(&arguments).await,
        Command::Start(arguments) => start::run(&arguments).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
