//! The servers of a run.

use std::fs::File;

use anyhow::Context as _;
use mesh_rig::{
    servers::{self, Servers, Snapshot, Wanted},
    testing::{self, Swept},
};
use tokio::runtime::Runtime;

use super::interrupt::Interrupt;

/// Servers that answer, for as long as the tests run.
#[derive(Debug)]
pub(super) struct Stage {
    before: Snapshot,
    servers: Servers,
    /// Locked, together with whoever else runs tests against the same servers.
    audience: File,
}

impl Stage {
    /// Starts what does not run yet, and removes what earlier runs have left on it; nothing if it is interrupted.
    pub(super) fn set(interrupt: &Interrupt) -> anyhow::Result<Option<Self>> {
        let before = runtime()?.block_on(Snapshot::take())?;
        let audience = servers::audience()?;
        audience.lock_shared().context("cannot tell others that the servers are in use")?;
        let first = runtime()?;
        let started = first.block_on(async {
            tokio::select! {
                servers = servers::up(Wanted::ALL) => servers.map(Some),
                () = interrupt.asked() => Ok(None),
            }
        })?;
        // Waits for what is under way: nothing starts any more after this.
        drop(first);
        let Some(servers) = started else {
            stop_since(&before)?;
            return Ok(None);
        };
        let stage = Self { before, servers, audience };
        stage.sweep();
        Ok(Some(stage))
    }

    /// What tells the tests where the servers are.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        self.servers.environment()
    }

    /// Removes what the tests have left, and stops what was started for them, unless others run tests against it.
    pub(super) fn strike(self) -> anyhow::Result<()> {
        self.sweep();
        self.audience.unlock().context("cannot tell others that the servers are not in use")?;
        match self.audience.try_lock() {
            Ok(()) => stop_since(&self.before),
            Err(std::fs::TryLockError::WouldBlock) => {
                eprintln!("the servers are in use: `cargo rig down` stops them");
                Ok(())
            }
            Err(std::fs::TryLockError::Error(error)) => {
                Err(error).context("cannot see whether others run tests")
            }
        }
    }

    /// What stays costs memory and is tried again by the next run: no reason to fail.
    fn sweep(&self) {
        let swept = runtime()
            .and_then(|runtime| runtime.block_on(testing::sweep()).map_err(anyhow::Error::from_boxed));
        match swept {
            Ok(Swept { keyspaces: 0, vhosts: 0 }) => {}
            Ok(Swept { keyspaces, vhosts }) => {
                eprintln!("removed {keyspaces} keyspaces and {vhosts} virtual hosts of tests");
            }
            Err(error) => eprintln!("what tests have left is not removed: {error:#}"),
        }
    }
}

fn stop_since(before: &Snapshot) -> anyhow::Result<()> {
    let stopped = runtime()?.block_on(before.restore())?;
    if !stopped.is_empty() {
        eprintln!("stopped {}", stopped.join(", "));
    }
    Ok(())
}

fn runtime() -> anyhow::Result<Runtime> {
    Runtime::new().context("cannot start the runtime")
}
