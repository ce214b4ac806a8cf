//! `load cluster`.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use mesh_rig::servers;
use tokio::select;

use super::{
    bug::Bug,
    interrupt::Interrupt,
    run::{Config, Outcome, run, say},
    servers::{Lock, Stand},
};
use crate::torture::Report;

/// Tortures a cluster of programs that lie beside this one, on servers that only it uses. `cargo rig torture` builds the
/// programs and names the servers.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// How long there is load and faults.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    minutes: u32,
    /// From which the faults and the clients' choices are drawn; another one each time if it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Clients at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    clients: u32,
    /// Where the history and the logs are kept: a new folder. A folder that stays only when something is broken if it is
    /// not given.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Makes the services wrong, and draws faults under which that shows.
    #[arg(long)]
    bug: Option<Bug>,
    /// Takes down what runs in this set of servers, with its data, instead of refusing to begin.
    #[arg(long)]
    wipe: bool,
}

/// Tortures, and prints what came of it. No server is left running, whatever came of it.
///
/// # Errors
/// When something is broken, or could not be found out.
pub async fn command(arguments: &Arguments) -> anyhow::Result<()> {
    let mut interrupt = Interrupt::expect()?;
    let temporary = tempfile::tempdir().context("cannot make a folder")?;
    let folder = arguments.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let is_new = std::fs::read_dir(&folder)?.next().is_none();
    ensure!(is_new, "{} holds something already; name a new folder", folder.display());
    let config = Config {
        programs: std::env::current_exe()?.with_file_name(""),
        folder,
        minutes: arguments.minutes,
        seed: arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>())),
        clients: arguments.clients,
        bug: arguments.bug,
    };
    let bar = bar(arguments.minutes);
    let _lock = Lock::take()?;
    let torture = async {
        say(&bar, &format!("seed {}, history {}", config.seed, config.history().display()));
        bar.set_message("servers start");
        let stand = Stand::start(arguments.wipe).await?;
        run(&config, &stand, &bar).await
    };
    let outcome = select! {
        outcome = torture => outcome,
        () = interrupt.asked() => Err(anyhow::anyhow!("interrupted")),
    };
    bar.finish_and_clear();
    let outcome = outcome.and_then(|outcome| judge(&outcome));
    // The servers' own logs tell why something is broken.
    let down = servers::down(outcome.is_ok()).await;
    let _ = std::fs::remove_dir_all(config.folder.join("programs"));
    if outcome.is_err() && arguments.folder.is_none() {
        eprintln!("data and logs are kept in {}", temporary.keep().display());
    }
    outcome?;
    down.context("the servers were not taken down").map(drop)
}

/// Prints the report; an error if it is a bad one.
fn judge(Outcome { report, left_out }: &Outcome) -> anyhow::Result<()> {
    let Report { tally, verdict, history, .. } = report;
    print!("{verdict}");
    if *left_out > 0 {
        println!(
            "{left_out} planned faults were left out: those before them took longer to mend than was planned"
        );
    }
    if !verdict.is_clean() {
        bail!("invariants are broken; the lines are those of {}", history.display());
    }
    ensure!(tally.crashes == 0, "programs ended by themselves, {} times", tally.crashes);
    Ok(())
}

/// A bar over the time; indicatif hides it when stderr is no terminal.
fn bar(minutes: u32) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} s  {msg}");
    ProgressBar::new(60 * u64::from(minutes))
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
