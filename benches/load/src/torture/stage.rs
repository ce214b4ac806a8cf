//! What a torture needs from its beginning to its verdict: programs, somebody who brings them back, a history.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use mesh_rig::{
    checker::{Verdict, check},
    history,
};
use tokio::{select, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    api::Api,
    journal::{Journal, Tally},
    nemesis::{Nemesis, Peace},
    observe::observe,
    platform::{Environment, Platform, Programs},
    quiesce::quiesce,
};

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was done and what was killed.
    pub tally: Tally,
    /// What the checker says.
    pub verdict: Verdict,
    /// The history from which it says so.
    pub history: PathBuf,
}

/// Where the history of a folder is written, if nothing else is said.
const HISTORY: &str = "history.jsonl";

/// Where and on what.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What is run.
    pub programs: Programs,
    /// Where everything is kept: the stack's data in `data`, the provider's in `provider`, and their logs. A new
    /// or empty folder.
    pub folder: PathBuf,
    /// Where the history is written.
    pub history: PathBuf,
    /// What the stack is started with.
    pub environment: Environment,
    /// From which the clients' choices and the kills are drawn. What happens at the same time still happens in
    /// another order each time.
    pub seed: u64,
    /// Whether clients try a call in doubt again.
    pub retries: bool,
    /// How long the wait may take until nothing is under way any more.
    pub quiet_within: Duration,
}

impl Setting {
    /// These programs in this folder, with a history in it; clients that try again, and two minutes for everything
    /// to become quiet.
    #[must_use]
    pub fn new(programs: Programs, folder: &Path) -> Self {
        Self {
            programs,
            folder: folder.to_owned(),
            history: folder.join(HISTORY),
            environment: Environment::default(),
            seed: 1,
            retries: true,
            quiet_within: Duration::from_secs(120),
        }
    }
}

/// Running programs under torture. Dropping it is kill -9 of all of them.
pub(super) struct Stage {
    pub(super) api: Api,
    pub(super) journal: Arc<Journal>,
    nemesis: JoinHandle<anyhow::Result<Platform>>,
    peace: Peace,
    /// A nemesis that nobody waits for any more stops, too.
    _ends: DropGuard,
    mails: PathBuf,
    setting: Setting,
}

impl Stage {
    /// Starts everything; from then on the stack is killed about this often.
    pub(super) async fn open(
        setting: &Setting,
        clients: u32,
        kill_every: Option<Duration>,
    ) -> anyhow::Result<Self> {
        let platform =
            Platform::start(&setting.programs, &setting.folder, setting.environment.clone()).await?;
        let journal = Arc::new(Journal::create(&setting.history, setting.seed, clients)?);
        if platform.crashed_at_start() {
            journal.crash();
        }
        let api = Api::new(&platform.addresses())?;
        let mails = platform.mails();
        let peace = Peace { kills: CancellationToken::new(), stop: CancellationToken::new() };
        let nemesis = Nemesis::new(platform, Arc::clone(&journal), setting.seed, kill_every);
        let nemesis = tokio::spawn(nemesis.run(peace.clone()));
        let _ends = peace.stop.clone().drop_guard();
        Ok(Self { api, journal, nemesis, peace, _ends, mails, setting: setting.clone() })
    }

    /// Does `work` for as long as the programs come back.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> anyhow::Result<T> {
        select! {
            done = work => Ok(done),
            ended = &mut self.nemesis => match ended? {
                Ok(_) => bail!("nobody brings the programs back any more"),
                Err(error) => Err(error),
            },
        }
    }

    /// Kills nothing any more, waits until all is quiet, looks at everything, and judges. Then kill -9.
    pub(super) async fn close(self) -> anyhow::Result<Report> {
        Ok(self.judge().await?.1)
    }

    /// As [`Stage::close`], but both programs must stop as on a good day.
    pub(super) async fn close_gently(self) -> anyhow::Result<Report> {
        let (platform, report) = self.judge().await?;
        platform.stop().await.context("all was judged, but not stopped cleanly")?;
        Ok(report)
    }

    async fn judge(mut self) -> anyhow::Result<(Platform, Report)> {
        self.peace.kills.cancel();
        let (api, journal) = (self.api.clone(), Arc::clone(&self.journal));
        let (mails, bound) = (self.mails.clone(), self.setting.quiet_within);
        let look = async {
            let left = quiesce(&api, &journal.known(), bound).await.context("cannot see what is left")?;
            journal.quiet(left);
            observe(&api, &journal, &mails).await.context("cannot see what is there")
        };
        self.during(look).await??;
        self.peace.stop.cancel();
        let platform = self.nemesis.await??;
        self.journal.finish().await?;
        let history = self.setting.history;
        let path = history.clone();
        let verdict =
            tokio::task::spawn_blocking(move || anyhow::Ok(check(&history::read(&path)?))).await??;
        Ok((platform, Report { tally: self.journal.tally(), verdict, history }))
    }
}
