//! A program that is killed and comes back: one replica of a service, or the provider.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use tokio::{
    process::Command,
    sync::{Mutex, MutexGuard},
    time::{interval, timeout},
};

use super::super::{journal::Journal, process::Process};

/// How often it is looked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often it is started until it is ready, in a row.
const STARTS_MAX: u32 = 3;
/// How often programs may end by themselves, all together, before somebody must look.
const CRASHES_MAX: u64 = 20;
/// How long making the tables may take.
const MIGRATION: Duration = Duration::from_secs(240);

/// How a program is started.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
}

/// The program, whether it runs or not. Dropping it is kill -9.
#[derive(Debug)]
pub(super) struct Member {
    name: String,
    recipe: Recipe,
    log: PathBuf,
    journal: Arc<Journal>,
    /// `None` while it is down on purpose.
    process: Mutex<Option<Process>>,
}

impl Recipe {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Lets the program make its tables, and end.
    ///
    /// # Errors
    /// When it cannot.
    pub(super) async fn migrate(&self) -> anyhow::Result<()> {
        let name = self.program.display();
        let mut command = self.command();
        let output = command.arg("--migrate-only").kill_on_drop(true).output();
        let output =
            timeout(MIGRATION, output).await.with_context(|| format!("{name} makes no tables"))??;
        if !output.status.success() {
            bail!("{name} made no tables: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }
}

impl Member {
    /// One that is down; what it says is added to `log`.
    pub(super) fn new(name: String, recipe: Recipe, log: PathBuf, journal: Arc<Journal>) -> Self {
        Self { name, recipe, log, journal, process: Mutex::default() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Starts it unless it runs, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub(super) async fn start(&self) -> anyhow::Result<()> {
        let mut process = self.process.lock().await;
        match *process {
            Some(_) => Ok(()),
            None => self.launch(&mut process).await,
        }
    }

    /// kill -9, whether it stands still or not; it stays down.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) async fn kill(&self) -> anyhow::Result<()> {
        match self.process.lock().await.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Stops it where it is, or lets it go on. Nothing if it is down.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) async fn stand_still(&self, is_to: bool) -> anyhow::Result<()> {
        match &*self.process.lock().await {
            Some(process) => process.signal(if is_to { "STOP" } else { "CONT" }).await,
            None => Ok(()),
        }
    }

    /// Stops it as on a good day.
    ///
    /// # Errors
    /// When it does not stop, or not cleanly.
    pub(super) async fn stop(&self) -> anyhow::Result<()> {
        match self.process.lock().await.take() {
            Some(process) => process.stop().await.with_context(|| self.name.clone()),
            None => Ok(()),
        }
    }

    /// Brings it back whenever it ends by itself.
    ///
    /// # Errors
    /// When it does not come back, or programs end again and again.
    pub(super) async fn keep(&self) -> anyhow::Result<std::convert::Infallible> {
        let mut looks = interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            let mut process = self.process.lock().await;
            let Some(running) = &mut *process else { continue };
            let Some(status) = running.has_ended()? else { continue };
            let said = running.tail();
            self.crashed(&format!("{status}: {said}"))?;
            *process = None;
            self.launch(&mut process).await?;
        }
    }

    async fn launch(&self, slot: &mut MutexGuard<'_, Option<Process>>) -> anyhow::Result<()> {
        let mut starts = 1;
        loop {
            match Process::start(self.recipe.command(), &self.log).await {
                Ok(process) => {
                    **slot = Some(process);
                    return Ok(());
                }
                Err(error) if starts < STARTS_MAX => self.crashed(&format!("{error:#}"))?,
                Err(error) => return Err(error.context(format!("{} does not come back", self.name))),
            }
            starts += 1;
        }
    }

    fn crashed(&self, said: &str) -> anyhow::Result<()> {
        self.journal.ended(&self.name);
        eprintln!("{} ended by itself: {said}", self.name);
        if self.journal.tally().crashes > CRASHES_MAX {
            bail!("programs end by themselves again and again, {} the last of them", self.name);
        }
        Ok(())
    }
}
