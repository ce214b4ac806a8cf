//! The real program as a child process, on ports of its own.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::JoinHandle,
};

use anyhow::{Context as _, ensure};

/// The built stack, which lies beside this program.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("stack");
    ensure!(path.exists(), "{} is missing; build it with cargo build --release -p stack", path.display());
    Ok(path)
}

/// A running stack; dropping it is kill -9.
pub(crate) struct Stack {
    child: Child,
    /// Where the user service listens.
    pub(crate) address: SocketAddr,
    /// Where the payment service listens.
    pub(crate) payment: SocketAddr,
    log: Option<JoinHandle<String>>,
}

impl Stack {
    /// Starts the stack on `data` and waits until it says where it listens.
    pub(crate) fn start(program: &Path, data: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .env("STACK_DATA", data)
            .env("STACK_USER_LISTEN", "127.0.0.1:0")
            .env("STACK_PAYMENT_LISTEN", "127.0.0.1:0")
            .env("STACK_NOTIFICATION_LISTEN", "127.0.0.1:0")
            .env("STACK_SANDBOX_LISTEN", "127.0.0.1:0")
            .env("STACK_TELEMETRY_ADMIN", "off")
            .env("STACK_LOG_FORMAT", "human")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut stderr = child.stderr.take().context("no stderr")?;
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            // What cannot be read any more is not needed any more.
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let mut lines =
            BufReader::new(child.stdout.take().context("no stdout")?).lines().map_while(Result::ok);
        let mut address = |service: &str| {
            lines.find_map(|line| line.trim().strip_prefix(service).and_then(|rest| rest.trim().parse().ok()))
        };
        match address("user ").zip(address("payment ")) {
            Some((address, payment)) => Ok(Self { child, address, payment, log: Some(log) }),
            None => {
                let status = child.wait()?;
                anyhow::bail!("the stack ended with {status}: {}", log.join().unwrap_or_default());
            }
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Stops it and returns what it logged.
    pub(crate) fn stop(mut self) -> anyhow::Result<String> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let status = self.child.wait()?;
        let log = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        ensure!(status.success(), "the stack ended with {status}: {log}");
        Ok(log)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
