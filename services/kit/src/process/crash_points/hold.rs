//! Holding whoever comes to a point until a test lets them go.

use std::{fs, path::PathBuf, process::abort, thread, time::Duration};

/// How often the test's word is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Looks before the test is taken for dead: two minutes.
const LOOKS_MAX: u32 = 24_000;

/// A point at which somebody is held.
pub(super) struct Hold {
    program: &'static str,
    name: &'static str,
    /// Whose turn it is to be held; everybody's, if there are none.
    turns: Vec<u64>,
    folder: PathBuf,
}

impl Hold {
    pub(super) fn new(program: &'static str, name: &'static str, turns: Vec<u64>, folder: PathBuf) -> Self {
        Self { program, name, turns, folder }
    }

    /// Holds whoever came `time`-th, if it is their turn.
    pub(super) fn arrived(&self, time: u64) {
        if self.turns.is_empty() || self.turns.contains(&time) {
            // The runtime's other work goes on elsewhere.
            tokio::task::block_in_place(|| self.wait(time));
        }
    }

    fn wait(&self, time: u64) {
        let (here, go) = (
            self.folder.join(format!("{}.{time}", self.name)),
            self.folder.join(format!("{}.go", self.name)),
        );
        let written = fs::write(&here, "");
        for _ in 0..LOOKS_MAX {
            if go.exists() {
                return;
            }
            thread::park_timeout(LOOK_EVERY);
        }
        eprintln!("{}: nobody let {} go ({written:?})", self.program, here.display());
        abort();
    }
}
