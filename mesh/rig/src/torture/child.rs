//! The program that tortures, with all that it starts.

use std::{
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{self, Command},
    time::Duration,
};

use anyhow::Context as _;
use tokio::{runtime::Runtime, task::spawn_blocking, time::timeout};

use crate::test::{Interrupt, signal};

/// How long it may take to put away what it has started when it is asked to end.
const POLITE: Duration = Duration::from_secs(90);

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing is broken.
    Content,
    /// Something is, or it could not do what it was to.
    Discontent,
    /// It was killed, or told to end: it may have left something.
    CutShort,
}

/// A program in a process group of its own: what it starts is in it too, and ends with it.
#[derive(Debug)]
pub(super) struct Child {
    program: process::Child,
}

impl Child {
    pub(super) fn start(mut command: Command) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let program = command.process_group(0).spawn().with_context(|| format!("cannot run {name}"))?;
        Ok(Self { program })
    }

    /// Waits until it has ended, by itself or because that was asked for.
    pub(super) fn wait(mut self, interrupt: &Interrupt) -> anyhow::Result<End> {
        let (itself, group) = (self.program.id().to_string(), format!("-{}", self.program.id()));
        let runtime = Runtime::new().context("cannot start the runtime")?;
        let ended = runtime.block_on(async {
            let mut running = spawn_blocking(move || self.program.wait());
            tokio::select! {
                ended = &mut running => return Some(ended),
                () = interrupt.asked() => {}
            }
            eprintln!("interrupted, taking everything down");
            signal("TERM", &itself);
            let _ended = timeout(POLITE, running).await;
            None
        });
        // Also what it has left behind.
        signal("KILL", &group);
        let Some(ended) = ended else { return Ok(End::CutShort) };
        let status = ended.context("it was given up")?.context("cannot wait for it")?;
        Ok(match status.signal() {
            Some(_) => End::CutShort,
            None if status.success() => End::Content,
            None => End::Discontent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(script: &str) -> End {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        Child::start(shell).unwrap().wait(&Interrupt::expect().unwrap()).unwrap()
    }

    #[test]
    fn an_end_is_told_from_being_cut_short() {
        assert_eq!(ended("exit 0"), End::Content);
        assert_eq!(ended("exit 1"), End::Discontent);
        assert_eq!(ended("kill -s KILL $$"), End::CutShort);
    }
}
