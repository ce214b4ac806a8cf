//! A real program as a child process.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// How the line begins with which our programs say that they are ready.
const READY: &str = "ready";
/// How long a program may take until it says that it is ready: it waits for its servers first.
const READY_WITHIN: Duration = Duration::from_secs(300);
/// How long it may take to stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is told of the log of a program that ended, in bytes.
const TAIL: u64 = 4_000;

/// A running program; dropping it is kill -9.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program whose standard error is added to `log`, and waits until a line of its standard output
    /// begins with `ready`, as our programs say it.
    ///
    /// # Errors
    /// When it cannot be started, or ended before it was ready.
    pub(super) async fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let name = command.as_std().get_program().to_string_lossy().into_owned();
        let stderr = OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut process = Self { child, log: log.to_owned() };
        // Nobody reads what it prints after that, and our programs do not mind.
        let mut lines = BufReader::new(stdout).lines();
        let said = async {
            while let Some(line) = lines.next_line().await? {
                if line.trim_start().starts_with(READY) {
                    return anyhow::Ok(true);
                }
            }
            Ok(false)
        };
        if !timeout(READY_WITHIN, said).await.with_context(|| format!("{name} is not ready in time"))?? {
            let status = process.ended().await?;
            bail!("{name} ended with {status} before it was ready: {}", process.tail());
        }
        Ok(process)
    }

    /// kill -9, and waits until it is gone: then its ports and files are free again.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot kill")
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When the system cannot say.
    pub(super) async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        self.child.wait().await.context("cannot wait for a program")
    }

    /// How it ended, if it has; nothing is waited for.
    ///
    /// # Errors
    /// When the system cannot say.
    pub(super) fn has_ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait().context("cannot look for a program")
    }

    /// Sends it a signal, such as `STOP`.
    ///
    /// # Errors
    /// When it has ended before.
    pub(super) async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.child.id().context("it has ended before")?.to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().await?;
        ensure!(sent.success(), "cannot send SIG{name} to {pid}");
        Ok(())
    }

    /// SIGTERM, and waits until it is gone.
    ///
    /// # Errors
    /// When it does not stop, or not cleanly.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        self.signal("TERM").await?;
        let status = timeout(PATIENCE, self.ended()).await.context("it does not stop")??;
        ensure!(status.success(), "it stopped with {status}: {}", self.tail());
        Ok(())
    }

    /// The end of what it logged.
    pub(super) fn tail(&self) -> String {
        let mut text = Vec::new();
        if let Ok(mut log) = File::open(&self.log) {
            let length = log.metadata().map_or(0, |log| log.len());
            // A log that cannot be read has nothing to tell.
            let _ = log.seek(SeekFrom::Start(length.saturating_sub(TAIL)));
            let _ = log.take(TAIL).read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_program_is_ready_when_it_says_so_and_gone_when_it_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let process = Process::start(shell("echo; echo ready; exec sleep 600"), &log).await.unwrap();
        let alive = PathBuf::from(format!("/proc/{}", process.child.id().unwrap()));
        assert!(alive.exists());
        process.kill().await.unwrap();
        assert!(!alive.exists());
    }

    #[tokio::test]
    async fn a_program_that_is_stopped_goes_on_where_it_was_and_its_end_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let script = "trap 'exit 7' USR1; echo ready; while :; do sleep 0.01; done";
        let mut process = Process::start(shell(script), &log).await.unwrap();
        let stat = format!("/proc/{}/stat", process.child.id().unwrap());
        process.signal("STOP").await.unwrap();
        while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
            tokio::task::yield_now().await;
        }
        process.signal("USR1").await.unwrap();
        assert_eq!(process.has_ended().unwrap(), None);
        process.signal("CONT").await.unwrap();
        assert_eq!(process.ended().await.unwrap().code(), Some(7));
        assert!(process.has_ended().unwrap().is_some());
        process.signal("CONT").await.unwrap_err();
    }

    #[tokio::test]
    async fn a_program_that_ends_before_it_is_ready_is_told_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let refused = Process::start(shell("echo hello; echo no room >&2; exit 3"), &log).await.unwrap_err();
        let said = refused.to_string();
        assert!(said.contains("sh ended with exit status: 3 before it was ready: no room"), "{said}");
    }

    #[tokio::test]
    async fn a_program_that_stops_badly_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let script = "trap 'echo lost something >&2; exit 1' TERM; echo ready; while :; do sleep 0.01; done";
        let process = Process::start(shell(script), &log).await.unwrap();
        let said = process.stop().await.unwrap_err().to_string();
        assert!(said.contains("exit status: 1: lost something"), "{said}");
    }
}
