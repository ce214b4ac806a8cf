//! The sandbox provider as a program of its own: it survives whoever asks it, and can be killed itself.
//!
//! Parses, builds, runs, drains; what is built is said in `run.rs`.

mod banner;
mod cli;
mod run;

use std::process::ExitCode;

use clap::Parser as _;
use mesh_telemetry::LogConfig;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match start(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain on one line each: what could not be done, and why.
            eprintln!("provider-sandbox: {error}");
            error.chain().skip(1).for_each(|cause| eprintln!("  because: {cause}"));
            ExitCode::FAILURE
        }
    }
}

fn start(cli: cli::Cli) -> anyhow::Result<()> {
    let _logs = mesh_telemetry::init(&LogConfig::default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ran = runtime.block_on(run::run(cli));
    // A handler that blocks its thread must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    ran
}
