//! One server: a folder, and the processes that bear its mark.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{commands::find, error::ServersError, folders};

/// The variable whose value is the folder of the server that a process belongs to. Children inherit it, whatever
/// session they move to.
const MARK: &str = "MESH_RIG_SERVER";
/// How long a server may take to end by itself, how often it is asked to, and how long it may take when it is killed.
const STOP: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(10);
const KILL: Duration = Duration::from_secs(20);
/// How often a condition is looked at.
pub(super) const POLL: Duration = Duration::from_millis(100);
/// How many looks in a row have to find nothing: a process that is just becoming another program shows no environment.
pub(super) const SURE: u32 = 5;

/// A server that runs as processes of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    folder: PathBuf,
}

impl Server {
    pub(super) fn named(name: &str) -> Self {
        Self { folder: folders::servers().join(name) }
    }

    /// Every server that has a process, by name.
    pub(super) fn all_running() -> Vec<Self> {
        let home = folders::servers();
        let mut found: Vec<Self> = processes()
            .filter_map(|(_, environment)| marked_folder(&environment))
            .filter(|folder| folder.parent() == Some(&home))
            .map(|folder| Self { folder })
            .collect();
        found.sort_by(|left, right| left.folder.cmp(&right.folder));
        found.dedup();
        found
    }

    pub(super) fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every process of this server.
    pub(super) fn pids(&self) -> Vec<u32> {
        processes()
            .filter(|(_, environment)| marked_folder(environment).is_some_and(|folder| folder == self.folder))
            .map(|(pid, _)| pid)
            .collect()
    }

    /// The process that was launched, if it is still there. A number that another program got since, or that nobody
    /// has, is none.
    pub(super) fn main(&self) -> Option<u32> {
        let pid = fs::read_to_string(self.pid_file()).ok()?.trim().parse().ok()?;
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        (marked_folder(&environment)? == self.folder).then_some(pid)
    }

    pub(super) fn is_running(&self) -> bool {
        self.main().is_some()
    }

    /// Starts `program` in a session of its own. What it prints goes to a log, and the log of the run before is kept.
    ///
    /// `configure` gets the command as it will run, to add arguments and environment.
    pub(super) fn launch(
        &self,
        prefix: &[&str],
        program: &Path,
        configure: impl FnOnce(&mut Command),
    ) -> Result<(), ServersError> {
        folders::make(&self.folder)?;
        let log = self.log();
        // There is none before the first run.
        let _first_run = fs::rename(&log, log.with_extension("log.1"));
        let output = File::create(&log).map_err(ServersError::file(&log))?;
        let errors = output.try_clone().map_err(ServersError::file(&log))?;
        // setsid and what stands in `prefix` become the program: the process keeps its number.
        let mut command = Command::new("setsid");
        command.args(prefix).arg(program).current_dir(&self.folder).env(MARK, &self.folder);
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        configure(&mut command);
        let failed = |source| ServersError::Run { program: format!("setsid {}", program.display()), source };
        let child = command.spawn().map_err(failed)?;
        folders::write(&self.pid_file(), &format!("{}\n", child.id()))
    }

    /// Ends every process of this server: politely, and when that takes too long, not so.
    pub(super) async fn stop(&self) -> Result<(), ServersError> {
        let end = Instant::now() + STOP;
        loop {
            // The others follow the one that was launched, unless it ended before it knew of them.
            match self.main() {
                Some(pid) => signal("TERM", &[pid])?,
                None => signal("TERM", &self.pids())?,
            }
            if self.is_gone_within(AGAIN).await {
                break;
            }
            if Instant::now() >= end {
                signal("KILL", &self.pids())?;
                if self.is_gone_within(KILL).await {
                    break;
                }
                return Err(ServersError::Undead { server: self.name(), limit: KILL });
            }
        }
        match fs::remove_file(self.pid_file()) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(ServersError::File { path: self.pid_file(), source })
            }
            _ => Ok(()),
        }
    }

    async fn is_gone_within(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut misses = 0;
        while misses < SURE {
            misses = if self.pids().is_empty() { misses + 1 } else { 0 };
            if Instant::now() >= end {
                return false;
            }
            sleep(POLL).await;
        }
        true
    }

    /// What its log says of its end, for an error message.
    pub(super) fn logged(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        let lines: String =
            telling(&String::from_utf8_lossy(&log)).iter().map(|line| format!("\n  {line}")).collect();
        format!("; {} says:{lines}", self.log().display())
    }

    fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("pid")
    }
}

/// Processes of this machine with their environments, of those that we may look at.
fn processes() -> impl Iterator<Item = (u32, Vec<u8>)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        // A process that has just ended, or that nobody has waited for yet, has no environment.
        Some((pid, fs::read(entry.path().join("environ")).ok()?))
    })
}

/// The folder that an environment is marked with, as `/proc` shows environments.
fn marked_folder(environment: &[u8]) -> Option<PathBuf> {
    let prefix = [MARK.as_bytes(), b"="].concat();
    let value =
        environment.split(|&byte| byte == 0).find_map(|entry| entry.strip_prefix(prefix.as_slice()))?;
    Some(PathBuf::from(OsStr::from_bytes(value)))
}

/// The lines from the last error on, or else the last lines.
fn telling(log: &str) -> Vec<&str> {
    const MOST: usize = 15;
    let lines: Vec<&str> = log.lines().collect();
    let error = lines.iter().rposition(|line| line.to_ascii_lowercase().starts_with("error"));
    let first = error.unwrap_or_else(|| lines.len().saturating_sub(MOST));
    lines.into_iter().skip(first).take(MOST).collect()
}

/// Sends a signal. That a process has ended meanwhile is fine.
pub(super) fn signal(name: &str, pids: &[u32]) -> Result<(), ServersError> {
    for pid in pids {
        // The shell has a kill of its own: the program is not on every machine.
        let script = "kill -s \"$0\" \"$1\" 2>/dev/null";
        let sent = Command::new("sh").args(["-c", script, name, &pid.to_string()]).status();
        sent.map_err(|source| ServersError::Run { program: "sh".to_owned(), source })?;
    }
    Ok(())
}

/// What a JVM must be started with so that it cannot lock its whole heap into memory, as it could as root. Nothing if
/// that right is not ours anyway.
pub(super) fn without_memory_lock() -> &'static [&'static str] {
    const PREFIX: [&str; 3] = ["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"];
    let works = find(PREFIX[0]).is_some()
        && Command::new(PREFIX[0])
            .args(&PREFIX[1..])
            .arg("true")
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
    if works { &PREFIX } else { &[] }
}

#[cfg(test)]
mod tests;
