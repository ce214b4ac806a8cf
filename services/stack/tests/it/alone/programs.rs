//! A service as a child process: started on a free port, stopped by its pid, never left behind.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use mesh_rpc::{Channel, Target};

use crate::process::{Ended, PROGRAM, ended};

/// The programs, each with what its variables begin with and what its banner and its section are called.
pub(super) const USER: Service = Service { program: "user-service", prefix: "USER_SERVICE", name: "user" };
pub(super) const PAYMENT: Service =
    Service { program: "payment-service", prefix: "PAYMENT_SERVICE", name: "payment" };
pub(super) const NOTIFICATION: Service =
    Service { program: "notification-service", prefix: "NOTIFICATION_SERVICE", name: "notification" };

/// A program of one service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    pub(super) program: &'static str,
    pub(super) prefix: &'static str,
    pub(super) name: &'static str,
}

/// A running program. Dropping it is `kill -9`.
pub(super) struct Running {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Service {
    /// Where cargo puts the program when it builds the tests of its package, which a run over the whole workspace
    /// does.
    pub(super) fn path(self) -> PathBuf {
        let path = Path::new(PROGRAM).with_file_name(self.program);
        assert!(path.is_file(), "{} is not built: narrow the run to its package too", path.display());
        path
    }

    /// The program on a free port, with its data in `data` and these settings, `key` being `STORAGE_KIND`.
    pub(super) fn command(self, data: &Path, settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(self.path());
        let listen = format!("{}_LISTEN", self.name.to_uppercase());
        let own = [("DATA", data.to_str().unwrap()), (listen.as_str(), "127.0.0.1:0")];
        for (key, value) in own.iter().chain(settings) {
            command.env(format!("{}_{key}", self.prefix), value);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the program and waits until it says that it is ready.
    pub(super) fn start(self, data: &Path, settings: &[(&str, &str)]) -> Running {
        let started = self.spawn(self.command(data, settings));
        started.unwrap_or_else(|ended| {
            panic!("{} is not ready, {}: {}", self.program, ended.status, ended.stderr)
        })
    }

    /// Starts a command of this program and waits until it is ready, or has ended.
    pub(super) fn spawn(self, mut command: Command) -> Result<Running, Ended> {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let address = loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).unwrap() == 0 {
                return Err(ended(child));
            }
            let place = line.trim().strip_prefix(self.name).map(str::trim);
            if let Some(address) = place.and_then(|place| place.parse().ok()) {
                break address;
            }
        };
        // What it logs is read away, or a full pipe would stop it.
        let mut stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::stderr()));
        Ok(Running { child, address })
    }

    /// The number that the program wrote into its data folder.
    pub(super) fn pid(self, data: &Path) -> Option<u32> {
        fs::read_to_string(data.join(format!("{}.pid", self.program))).ok()?.trim().parse().ok()
    }
}

impl Running {
    pub(super) fn channel(&self) -> Channel {
        Channel::builder(self.target()).policies(&proto::POLICIES).build().unwrap()
    }

    pub(super) fn target(&self) -> Target {
        Target::fixed([self.address])
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, and what came of it.
    pub(super) fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
