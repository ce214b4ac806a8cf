//! All services in one process on the embedded store: the newcomer's first command.
//!
//! Parses, builds, runs, drains; what is built is said in `running.rs`.

mod banner;
mod cli;
mod config;
mod crash_points;
mod part;
mod platform;
mod ports;
mod provider;
mod running;

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;

fn main() -> ExitCode {
    match run(&cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain on one line each: what could not be done, and why.
            eprintln!("stack: {error}");
            error.chain().skip(1).for_each(|cause| eprintln!("  because: {cause}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &cli::Cli) -> anyhow::Result<()> {
    crash_points::arm()?;
    let (config, effective) = config::StackConfig::load(cli.config.as_deref(), cli.data.as_deref())?;
    if cli.print_config {
        // Whoever reads only the first lines closes the pipe; that is no failure.
        let _ = write!(std::io::stdout(), "{effective}");
        return Ok(());
    }
    let _logs = mesh_telemetry::init(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ran = runtime.block_on(platform::run(config));
    // A handler that blocks its thread must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    ran
}
