//! From the first program to the verdict.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use mesh_rig::{
    checker::check,
    history,
    nemesis::Schedule,
    smtp::{Security, Sink},
};
use tokio::{
    select,
    task::JoinSet,
    time::{Instant, interval, sleep},
};

use super::{
    bug::Bug,
    fleet::{Fleet, Plan, scene},
    look::{QUIET_WITHIN, look},
    nemesis::{Nemesis, told},
    servers::Stand,
};
use crate::torture::{
    Report,
    api::Api,
    client::{Client, Manner, Shared},
    journal::Journal,
    mails,
    pools::Pools,
};

/// No try of a call begins later than this after its first one: longer than anything stands still.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long a client rests between two operations, about: two cores carry four servers and seven programs besides.
const REST: Duration = Duration::from_millis(200);
/// How many users, payments, addresses and earlier calls all clients know of.
const POOL: usize = 256;
/// One client in so many gives up on a call in doubt.
const GIVES_UP: u32 = 4;
/// How long is waited for quiet with a bug: nothing may ever come of what is left.
const QUIET_WITH_BUG: Duration = Duration::from_secs(120);
/// How often the time is told.
const TICK: Duration = Duration::from_secs(1);

/// A torture of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// Where the programs are.
    pub(super) programs: PathBuf,
    /// Where everything is kept.
    pub(super) folder: PathBuf,
    pub(super) minutes: u32,
    pub(super) seed: u64,
    pub(super) clients: u32,
    pub(super) bug: Option<Bug>,
}

impl Config {
    fn length(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.minutes))
    }

    /// Where the history is written.
    pub(super) fn history(&self) -> PathBuf {
        self.folder.join("history.jsonl")
    }

    fn schedule(&self) -> Schedule {
        match self.bug {
            Some(bug) => bug.schedule(self.minutes),
            None => Schedule::draw(self.seed, self.minutes, &scene()),
        }
    }
}

/// What came of it, and how many planned faults there was no time for.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) report: Report,
    pub(super) left_out: usize,
}

/// Tortures, and judges what came of it. Something broken is no error: it is in the report.
///
/// # Errors
/// When a program or a server cannot be started or does not come back, or somebody does not answer in the end.
pub(super) async fn run(config: &Config, stand: &Stand, bar: &ProgressBar) -> anyhow::Result<Outcome> {
    let Config { programs, folder, seed, clients, bug, .. } = config;
    let sink = Sink::start_with_journal(Security::Plain, &folder.join("mails.jsonl")).await?;
    let history = config.history();
    let journal = Arc::new(Journal::create(&history, *seed, *clients)?);
    let schedule = config.schedule();
    let plan = told(&schedule);
    write(&folder.join("faults.txt"), &plan)?;
    say(bar, &plan);
    bar.set_message("programs start");
    let plan = Plan { programs, folder, stand, sink: &sink, bug: *bug };
    let fleet = Arc::new(Fleet::start(&plan, &journal).await?);
    let api = Api::among(fleet.addresses())?;
    let nemesis = Nemesis {
        schedule,
        hand: Arc::clone(&stand.hand),
        fleet: Arc::clone(&fleet),
        journal: Arc::clone(&journal),
    };
    let tortured = async {
        let left_out = torture(config, nemesis, &api, &journal, bar).await?;
        bar.set_message("everything is healed");
        stand.heal().await?;
        fleet.heal().await?;
        bar.set_message("waiting until all is quiet");
        let within = if bug.is_some() { QUIET_WITH_BUG } else { QUIET_WITHIN };
        look(&api, &stand.ground, &journal, sink.mailbox(), within).await?;
        anyhow::Ok(left_out)
    };
    let left_out = select! {
        left_out = tortured => left_out?,
        ended = fleet.keep() => match ended? {},
    };
    let mails_again = mails::arrived(sink.mailbox()).await.iter().map(|mail| mail.deliveries - 1).sum();
    journal.finish().await?;
    bar.set_message("judging");
    let path = history.clone();
    let verdict = tokio::task::spawn_blocking(move || anyhow::Ok(check(&history::read(&path)?))).await??;
    fleet.stop().await.context("all was judged, but not stopped cleanly")?;
    let report = Report { tally: journal.tally(), verdict, history, mails_again };
    Ok(Outcome { report, left_out })
}

/// Load and faults for as long as was asked for, and until the last fault has ended.
async fn torture(
    config: &Config,
    nemesis: Nemesis,
    api: &Api,
    journal: &Arc<Journal>,
    bar: &ProgressBar,
) -> anyhow::Result<usize> {
    let shared = Arc::new(Shared {
        journal: Arc::clone(journal),
        pools: Pools::new(POOL),
        left: AtomicU64::new(u64::MAX),
        progress: ProgressBar::hidden(),
        rest: REST,
    });
    let mut working = JoinSet::new();
    for number in 0..config.clients {
        let gives_up = number.is_multiple_of(GIVES_UP) || config.bug.is_some_and(Bug::needs_giving_up);
        let manner = Manner { retries: !gives_up, patience: PATIENCE };
        let client = Client::new(number, api.clone(), manner, config.seed);
        working.spawn(client.work(Arc::clone(&shared)));
    }
    let (length, begin) = (config.length(), Instant::now());
    let telling = async {
        let mut ticks = interval(TICK);
        loop {
            ticks.tick().await;
            bar.set_position(begin.elapsed().min(length).as_secs());
            bar.set_message(format!("{} operations", shared.progress.position()));
        }
    };
    let timed = async {
        sleep(length).await;
        shared.left.store(0, Ordering::Relaxed);
    };
    let clients = async {
        timed.await;
        working.join_all().await.len()
    };
    let work = async { tokio::try_join!(nemesis.run(length), async { anyhow::Ok(clients.await) }) };
    select! {
        done = work => match done? {
            (left_out, count) if count == config.clients as usize => Ok(left_out),
            (_, count) => bail!("only {count} clients came to their end"),
        },
        () = telling => unreachable!("the time goes on"),
    }
}

/// Tells the terminal, above the bar, or whatever is in its place.
pub(super) fn say(bar: &ProgressBar, text: &str) {
    bar.suspend(|| eprintln!("{text}"));
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
