//! A server of the mesh as a process of its own, and what it takes.

use std::{fs, net::SocketAddr, process::Stdio, time::Duration};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::{sleep, timeout},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) at: SocketAddr,
    pid: u32,
    _child: Child,
}

impl Server {
    pub(super) async fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["server", "mesh"]).args(arguments).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("no stdout")?;
        timeout(PATIENCE, BufReader::new(stdout).read_line(&mut line)).await.context("no server")??;
        let at = line.trim().parse().with_context(|| format!("the server said {line:?}"))?;
        Ok(Self { at, pid: child.id().context("the server has ended")?, _child: child })
    }

    /// The memory that it has, in KiB.
    pub(super) fn memory(&self) -> anyhow::Result<u64> {
        memory(&self.pid.to_string())
    }

    /// The files that it has open, connections among them.
    pub(super) fn files(&self) -> anyhow::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.pid))?.count())
    }

    /// Waits until it has no more open files than that.
    pub(super) async fn until_closed(&self, files: usize) -> anyhow::Result<()> {
        let closed = async {
            while self.files()? > files {
                sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        };
        timeout(PATIENCE, closed).await.context("connections stay open")?
    }
}

/// The resident memory of a process, in KiB.
pub(super) fn memory(pid: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
