//! The cargo that runs the tests, with all that it starts.

use std::{
    io,
    os::unix::process::CommandExt as _,
    process::{self, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use mesh_rig::workspace;
use tokio::{runtime::Runtime, task::spawn_blocking, time::timeout};

use super::{interrupt::Interrupt, printed::pass_on};

/// How long the tests may take to end when they are asked to.
const POLITE: Duration = Duration::from_secs(10);

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Cargo is content, having executed this many tests.
    Passed {
        /// Tests.
        executed: u64,
    },
    /// A test failed, or something does not compile.
    Failed,
    /// It was told to end.
    Interrupted,
}

/// Cargo, in a process group of its own: the tests are in it too, and end with it.
#[derive(Debug)]
pub(super) struct Child {
    cargo: process::Child,
}

impl Child {
    pub(super) fn start(words: &[String], environment: Vec<(&'static str, String)>) -> anyhow::Result<Self> {
        let mut cargo = workspace::cargo();
        cargo.args(words).envs(environment).stdout(Stdio::piped()).process_group(0);
        Ok(Self { cargo: cargo.spawn().context("cannot run cargo")? })
    }

    /// Passes on what it prints until it ends, or ends it when that is asked for.
    pub(super) fn wait(mut self, interrupt: &Interrupt) -> anyhow::Result<Outcome> {
        let group = format!("-{}", self.cargo.id());
        let mut printed = self.cargo.stdout.take().context("cargo has no output")?;
        let runtime = Runtime::new().context("cannot start the runtime")?;
        let outcome = runtime.block_on(async {
            let mut running = spawn_blocking(move || {
                let executed = pass_on(&mut printed, &mut io::stdout())?;
                Ok::<_, io::Error>((executed, self.cargo.wait()?))
            });
            tokio::select! {
                ended = &mut running => {
                    let (executed, status) = ended.context("cargo was given up")?.context("cannot wait for cargo")?;
                    return Ok(if status.success() { Outcome::Passed { executed } } else { Outcome::Failed });
                }
                () = interrupt.asked() => {}
            }
            signal("TERM", &group);
            let _ended = timeout(POLITE, running).await;
            Ok(Outcome::Interrupted)
        });
        // Also tests that cargo has left behind, and programs that tests have.
        signal("KILL", &group);
        outcome
    }
}

/// Sends a signal to a process group. That nobody is left in it is fine.
pub(crate) fn signal(name: &str, group: &str) {
    // The shell has a kill of its own: the program is not on every machine.
    let script = "kill -s \"$0\" -- \"$1\" 2>/dev/null";
    let sent = process::Command::new("sh").args(["-c", script, name, group]).status();
    if let Err(error) = sent {
        eprintln!("what runs cannot be ended: {error}");
    }
}
