//! The program of one service as a child process.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// How long a program may take until it is ready, and to stop.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a service's program is called, how its variables begin, and under which name its banner tells its address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    pub(super) program: &'static str,
    pub(super) prefix: &'static str,
    pub(super) name: &'static str,
}

/// The user service.
pub(super) const USER: Service = Service { program: "user-service", prefix: "USER_SERVICE", name: "user" };
/// The notification service.
pub(super) const NOTIFICATION: Service =
    Service { program: "notification-service", prefix: "NOTIFICATION_SERVICE", name: "notification" };

/// A running program; dropping it is kill -9.
#[derive(Debug)]
pub(super) struct Program {
    service: Service,
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
    log: PathBuf,
}

impl Service {
    /// Starts the program that lies beside another one on a free port, with its data and its log below `folder`. A
    /// setting is named without the prefix: `STORAGE_KIND`.
    pub(super) async fn start(
        self,
        beside: &Path,
        folder: &Path,
        settings: &[(&str, String)],
    ) -> anyhow::Result<Program> {
        let program = beside.with_file_name(self.program);
        let name = self.name;
        let missing = program.display();
        let build = format!("{missing} is missing; build it as this program was built, with `-p {name}`");
        ensure!(program.exists(), build);
        let (data, log) = (folder.join(name), folder.join(format!("{name}.log")));
        let mut command = Command::new(program);
        command
            .env(format!("{}_DATA", self.prefix), data)
            .env(format!("{}_{}_LISTEN", self.prefix, name.to_uppercase()), "127.0.0.1:0")
            .envs(settings.iter().map(|(key, value)| (format!("{}_{key}", self.prefix), value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.program))?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let told = async {
            while let Some(line) = lines.next_line().await? {
                let address =
                    line.trim().strip_prefix(name).map(str::trim).and_then(|text| text.parse().ok());
                if address.is_some() {
                    return anyhow::Ok(address);
                }
            }
            Ok(None)
        };
        let address = timeout(PATIENCE, told).await;
        let address = address.with_context(|| format!("{} is not ready in time", self.program))??;
        match address {
            Some(address) => Ok(Program { service: self, child, address, log }),
            None => anyhow::bail!("{} ended: {}", self.program, std::fs::read_to_string(log)?),
        }
    }
}

impl Program {
    /// SIGTERM, and waits until it is gone.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().with_context(|| format!("{} has ended", self.service.program))?;
        let sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
        ensure!(sent.success(), "cannot send SIGTERM to {pid}");
        let status = timeout(PATIENCE, self.child.wait()).await;
        let status = status.with_context(|| format!("{} does not stop", self.service.program))??;
        let log = || std::fs::read_to_string(&self.log).unwrap_or_default();
        ensure!(status.success(), "{} stopped with {status}: {}", self.service.program, log());
        Ok(())
    }
}
