//! All services in one process, embedded unless the settings name servers: the newcomer's first command.
//!
//! Parses, builds, runs, drains; what is built is said in `running.rs`.

mod banner;
mod cli;
mod config;
mod platform;
mod ports;
mod provider;
mod running;
mod stores;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli::Cli { arguments } = cli::Cli::parse();
    let read = config::StackConfig::read;
    if arguments.migrate_only {
        platform::PROGRAM.run(&arguments, read, platform::migrate_only)
    } else {
        platform::PROGRAM.run(&arguments, read, platform::run)
    }
}
