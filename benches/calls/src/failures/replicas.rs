//! Replicas as processes.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    time::timeout,
};

use crate::Kind;

const PATIENCE: Duration = Duration::from_secs(20);

/// What one replica can do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity {
    /// Calls at once.
    pub(super) slots: usize,
    /// How long each takes.
    pub(super) work: Duration,
}

/// A replica that runs. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) at: SocketAddr,
    kind: Kind,
    capacity: Capacity,
    child: Child,
    says: ChildStdin,
}

impl Replica {
    /// Starts one on a free port.
    pub(super) async fn start(kind: Kind, capacity: Capacity) -> anyhow::Result<Self> {
        Self::start_at("127.0.0.1:0".parse()?, kind, capacity).await
    }

    async fn start_at(listen: SocketAddr, kind: Kind, capacity: Capacity) -> anyhow::Result<Self> {
        let name = if kind == Kind::Mesh { "mesh" } else { "tonic" };
        let mut child = Command::new(std::env::current_exe()?)
            .args(["replica", name, "--listen", &listen.to_string()])
            .args(["--slots", &capacity.slots.to_string()])
            .args(["--work-us", &capacity.work.as_micros().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (says, hears) = (child.stdin.take(), child.stdout.take());
        let mut line = String::new();
        let mut hears = BufReader::new(hears.context("no stdout")?);
        timeout(PATIENCE, hears.read_line(&mut line)).await.context("no replica")??;
        let at = line.trim().parse().with_context(|| format!("the replica said {line:?}"))?;
        Ok(Self { at, kind, capacity, child, says: says.context("no stdin")? })
    }

    /// Tells it something.
    pub(super) async fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        Ok(self.says.write_all(format!("{line}\n").as_bytes()).await?)
    }

    /// Kills it, as a machine that loses its power.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Has it stop as an orchestrator does, waits for that, and starts it again at the same place.
    pub(super) async fn restart(&mut self) -> anyhow::Result<()> {
        self.tell("stop").await?;
        timeout(PATIENCE, self.child.wait()).await.context("a replica does not stop")??;
        *self = Self::start_at(self.at, self.kind, self.capacity).await?;
        Ok(())
    }
}
