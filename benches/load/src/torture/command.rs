//! `load torture`.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    platform::Programs,
    run::{Config, run_showing},
    stage::{Report, Setting},
};

/// Tortures a stack and a provider that lie beside this program.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Operations in all.
    #[arg(long, default_value_t = 100_000)]
    operations: u64,
    /// Clients at once.
    #[arg(long, default_value_t = 32)]
    clients: u32,
    /// How often something is killed, about: 3s or 500ms; 0s is never.
    #[arg(long, default_value = "3s", value_parser = duration)]
    kill_every: Duration,
    /// From which the clients' choices and the kills are drawn; another one each time if it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// No client tries a call in doubt again; otherwise three in four do.
    #[arg(long)]
    no_retries: bool,
    /// Where the history is written.
    #[arg(long, default_value = "history.jsonl")]
    file: PathBuf,
    /// Where the data and the logs of the programs are kept: a new folder. A folder for the time of the run if it
    /// is not given.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// A number and its unit.
fn duration(text: &str) -> Result<Duration, String> {
    let number =
        |digits: &str| digits.parse::<u64>().map_err(|_| "expected a number, then s or ms".to_owned());
    match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(digits), _) => number(digits).map(Duration::from_millis),
        (None, Some(digits)) => number(digits).map(Duration::from_secs),
        (None, None) => Err("expected a number, then s or ms".to_owned()),
    }
}

/// Tortures, and prints what came of it.
///
/// # Errors
/// When something is broken, or could not be found out.
pub async fn command(arguments: &Arguments) -> anyhow::Result<()> {
    let programs = Programs::beside(&std::env::current_exe()?)?;
    let temporary = tempfile::tempdir().context("cannot make a folder")?;
    let folder = arguments.folder.as_deref().unwrap_or(temporary.path());
    ensure!(!folder.join("data").exists(), "{} holds data already; name a new folder", folder.display());
    let seed = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let setting = Setting {
        history: arguments.file.clone(),
        seed,
        retries: !arguments.no_retries,
        ..Setting::new(programs, folder)
    };
    let config = Config {
        operations: arguments.operations,
        clients: arguments.clients,
        kill_every: (!arguments.kill_every.is_zero()).then_some(arguments.kill_every),
        ..Config::new(setting)
    };
    eprintln!("seed {seed}, history {}", arguments.file.display());
    let progress = bar(arguments.operations);
    let report = run_showing(&config, progress.clone()).await;
    progress.finish_and_clear();
    let outcome = report.and_then(|report| judge(&report));
    if outcome.is_err() && arguments.folder.is_none() {
        // What the programs logged is worth more than a clean disk.
        eprintln!("data and logs are kept in {}", temporary.keep().display());
    }
    outcome
}

/// Prints the report; an error if it is a bad one.
fn judge(report: &Report) -> anyhow::Result<()> {
    let Report { tally, verdict, history, .. } = report;
    print!("{verdict}");
    ensure!(tally.crashes == 0, "programs ended by themselves, {} times", tally.crashes);
    ensure!(verdict.is_clean(), "invariants are broken; the lines are those of {}", history.display());
    Ok(())
}

/// A bar over the operations; indicatif hides it when stderr is no terminal.
fn bar(operations: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{wide_bar} {pos}/{len}  {per_sec}  {elapsed}, {eta} to go  {msg}");
    ProgressBar::new(operations).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
