//! What a torture needs from its beginning to its verdict: programs, somebody who brings them back, a history.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use mesh_rig::{
    checker::{Verdict, check},
    history::{self, Found},
    servers::Broker,
    smtp::{Mailbox, Security, Sink},
};
use tokio::{
    select,
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    api::Api,
    ground::{Disk, Ground, Keyspaces, Servers},
    journal::{Journal, Tally},
    mails,
    nemesis::{Nemesis, Peace},
    observe::{Seen, observe},
    platform::{Environment, Platform, Programs, Target},
    quiesce::{Patience, quiesce},
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
    /// How many mails arrived once more than the first time, counted each time.
    pub mails_again: u32,
}

/// The list of arrived mails, in the folder.
const MAILS: &str = "mails.jsonl";
/// How long a stack lives at least that is started again for the events that it has left.
const ANOTHER_LIFE: Duration = Duration::from_secs(1);
/// Where the history of a folder is written, if nothing else is said.
const HISTORY: &str = "history.jsonl";

/// Where and on what.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What is run.
    pub programs: Programs,
    /// Where everything is kept that is not on servers: the stack's data in `data`, the provider's in `provider`, and
    /// their logs. A new or empty folder.
    pub folder: PathBuf,
    /// Where the history is written.
    pub history: PathBuf,
    /// What the stack stands on; its environment says so too.
    pub ground: Ground,
    /// What the stack is started with.
    pub environment: Environment,
    /// From which the clients' choices and the kills are drawn. What happens at the same time still happens in
    /// another order each time.
    pub seed: u64,
    /// Whether clients try a call in doubt again.
    pub retries: bool,
    /// How long the wait may take until nothing is under way any more.
    pub quiet_within: Duration,
    /// How long something may be left while nothing changes before it is taken for lost; if it is not said, only
    /// `quiet_within` counts. Longer than everything that comes by itself: the relay's sweep, and the first step of
    /// the consumers' ladder.
    pub stalled_after: Option<Duration>,
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
            ground: Ground::Embedded,
            environment: Environment::default(),
            seed: 1,
            retries: true,
            quiet_within: Duration::from_secs(120),
            stalled_after: None,
        }
    }

    /// The same on servers: in keyspaces whose names begin with `prefix`, and in a virtual host.
    #[must_use]
    pub fn on_servers(
        mut self,
        contact_points: Vec<String>,
        prefix: &str,
        broker: Broker,
        vhost: &str,
    ) -> Self {
        let keyspaces = Keyspaces::of(prefix);
        let servers = Servers { contact_points, keyspaces, broker, vhost: vhost.to_owned() };
        let settings = [
            ("STORAGE_KIND", "cql".to_owned()),
            ("STORAGE_CONTACT_POINTS", servers.contact_points.join(",")),
            ("STORAGE_KEYSPACE", prefix.to_owned()),
            ("STORAGE_REPLICATION_FACTOR", "1".to_owned()),
            ("BUS_KIND", "rabbitmq".to_owned()),
            ("BUS_URI", servers.uri()),
        ];
        let settings = settings.into_iter().map(|(name, value)| (format!("STACK_{name}"), value));
        self.environment.always.extend(settings);
        self.ground = Ground::Servers(servers);
        self
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
    sink: Sink,
    setting: Setting,
}

impl Stage {
    /// Starts everything; from then on the stack is killed about this often.
    pub(super) async fn open(
        setting: &Setting,
        clients: u32,
        kill_every: Option<Duration>,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&setting.folder)
            .with_context(|| format!("cannot make {}", setting.folder.display()))?;
        let sink = Sink::start_with_journal(Security::Plain, &setting.folder.join(MAILS)).await?;
        let mut environment = setting.environment.clone();
        environment.always.extend(mails::environment(&sink));
        let platform = Platform::start(&setting.programs, &setting.folder, environment).await?;
        let journal = Arc::new(Journal::create(&setting.history, setting.seed, clients)?);
        if platform.crashed_at_start() {
            journal.crash(Target::Stack);
        }
        let api = Api::new(&platform.addresses())?;
        let peace = Peace { kills: CancellationToken::new(), stop: CancellationToken::new() };
        let nemesis = Nemesis::new(platform, Arc::clone(&journal), setting.seed, kill_every);
        let nemesis = tokio::spawn(nemesis.run(peace.clone()));
        let _ends = peace.stop.clone().drop_guard();
        Ok(Self { api, journal, nemesis, peace, _ends, sink, setting: setting.clone() })
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

    /// Kills nothing any more, waits until all is quiet, looks at everything, stops the stack, looks at its disk, and
    /// judges.
    ///
    /// # Errors
    /// When somebody does not answer, or a program did not stop cleanly although all was judged.
    pub(super) async fn close(mut self) -> anyhow::Result<Report> {
        self.peace.kills.cancel();
        let begin = Instant::now();
        let first = self.look(begin);
        let first = self.during(first).await??;
        self.peace.stop.cancel();
        let mut platform = (&mut self.nemesis).await??;
        let stopped = self.settle(&mut platform, begin, first).await?;
        let mails_again = mails::arrived(self.mailbox()).await.iter().map(|mail| mail.deliveries - 1).sum();
        self.journal.finish().await?;
        let (tally, history) = (self.journal.tally(), self.setting.history);
        let path = history.clone();
        let verdict =
            tokio::task::spawn_blocking(move || anyhow::Ok(check(&history::read(&path)?))).await??;
        let unclean = "all was judged, but not stopped cleanly";
        stopped.context(unclean)?;
        platform.stop(Target::Provider).await.context(unclean)?;
        Ok(Report { tally, verdict, history, mails_again })
    }

    /// Waits until all is quiet, and looks at everything that can be asked for.
    fn look(&self, begin: Instant) -> impl Future<Output = anyhow::Result<Look>> + use<> {
        let (api, known) = (self.api.clone(), self.journal.known());
        let Setting { quiet_within, stalled_after, .. } = self.setting;
        async move {
            let bound = quiet_within.saturating_sub(begin.elapsed());
            let left = quiesce(&api, &known, Patience { bound, stalled_after }).await;
            let left = left.context("cannot see what is left")?;
            let seen = observe(&api, &known).await.context("cannot see what is there")?;
            Ok(Look { left, seen })
        }
    }

    /// Stops the stack and looks at its disk. A stack that has left events there that would be taken yet lives once
    /// more for them, unless it was waited for long enough. Writes down what was seen; answers how the stop went.
    async fn settle(
        &self,
        platform: &mut Platform,
        begin: Instant,
        mut look: Look,
    ) -> anyhow::Result<anyhow::Result<()>> {
        loop {
            let stopped = platform.stop(Target::Stack).await;
            let disk = self.setting.ground.look(&platform.data(), &look.seen.people).await;
            let disk = disk.context("cannot see what is on the disk")?;
            let is_over = begin.elapsed() >= self.setting.quiet_within;
            if disk.under_way.is_empty() || !look.left.is_empty() || stopped.is_err() || is_over {
                self.write(look, disk).await;
                return Ok(stopped);
            }
            platform.restart(Target::Stack).await?;
            sleep(ANOTHER_LIFE).await;
            look = self.look(begin).await?;
        }
    }

    async fn write(&self, look: Look, disk: Disk) {
        let Look { mut left, seen } = look;
        left.extend(disk.under_way);
        left.extend(seen.misplaced);
        self.journal.quiet(left);
        let mails = mails::arrived(self.mailbox()).await.into_iter().map(Found::Mail);
        seen.found.into_iter().chain(disk.profiles).chain(mails).for_each(|found| self.journal.found(found));
    }

    /// Where mails arrive.
    pub(super) fn mailbox(&self) -> &Mailbox {
        self.sink.mailbox()
    }
}

/// What a look showed.
struct Look {
    left: Vec<String>,
    seen: Seen,
}
