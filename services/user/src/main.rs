//! The user service as a program of its own: any number of instances over one store and one broker.
//!
//! Parses, builds, runs, drains; what is built is said in `run.rs`.

mod cli;
mod run;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli::Cli { arguments } = cli::Cli::parse();
    let read = settings::Settings::read;
    if arguments.migrate_only {
        run::PROGRAM.run(&arguments, read, run::migrate_only)
    } else {
        run::PROGRAM.run(&arguments, read, run::run)
    }
}
