//! `load outage`.

use std::time::Duration;

use anyhow::ensure;

use super::run::{Plan, run};

/// Takes the broker away from programs that lie beside this one.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Users created in a second.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// For how many seconds users are created; the broker goes away in the middle of that.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(3..))]
    seconds: u32,
    /// For how many seconds the broker is away; six tenths of the whole, if it is not said.
    #[arg(long)]
    away: Option<u32>,
    /// Kills the broker and starts it again, rather than cutting it off. It must be one that `cargo rig up` has started
    /// and that nobody else uses.
    #[arg(long)]
    kill: bool,
}

/// Runs it and prints what came of it.
///
/// # Errors
/// When a call failed, a mail is missing or came twice, or it could not be found out.
pub async fn command(arguments: &Arguments) -> anyhow::Result<()> {
    let away = arguments.away.unwrap_or(arguments.seconds * 6 / 10);
    ensure!(away < arguments.seconds, "the broker cannot be away for longer than users are created");
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let plan = Plan {
        beside: std::env::current_exe()?,
        rate: arguments.rate,
        length: seconds(arguments.seconds),
        away: seconds(away),
        kill: arguments.kill,
    };
    let report = run(&plan).await?;
    print!("{report}");
    report.judge()
}
