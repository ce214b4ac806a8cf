//! The stack that the tour talks to: the built program, in a folder of its own.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::RecvTimeoutError,
    time::Duration,
};

use anyhow::{Context, bail};

use super::shell::lines_of;

/// How long the first line may take, and how long silence means that the greeting is over.
const FIRST_LINE: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_millis(700);

/// A running stack, killed when it is dropped; what it logs is kept beside its data.
#[derive(Debug)]
pub(super) struct Stack {
    child: Child,
    log: PathBuf,
    /// What it printed on its start.
    pub(super) greeting: Vec<String>,
}

impl Stack {
    pub(super) fn start(program: &Path, arguments: &[&str], folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join("stack.log");
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).with_context(|| format!("cannot create {}", log.display()))?)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let output = child.stdout.take();
        let mut stack = Self { child, log, greeting: Vec::new() };
        let lines = lines_of(output.context("the stack has no output")?);
        loop {
            let patience = if stack.greeting.is_empty() { FIRST_LINE } else { SILENCE };
            match lines.recv_timeout(patience) {
                Ok(line) => stack.greeting.push(line),
                Err(RecvTimeoutError::Timeout) if stack.greeting.is_empty() => {
                    bail!("silent start{}", stack.logged())
                }
                Err(RecvTimeoutError::Timeout) => return Ok(stack),
                Err(RecvTimeoutError::Disconnected) => bail!("the stack did not start{}", stack.logged()),
            }
        }
    }

    /// The end of its log, for an error message.
    pub(super) fn logged(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].iter().map(|line| format!("\n  {line}")).collect()
    }
}

impl Drop for Stack {
    /// As kill -9 would: a tour that starts the stack a second time shows that nothing is lost.
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_reaped = self.child.wait();
    }
}
