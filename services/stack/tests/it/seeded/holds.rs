//! The test's end of held points: see `service_kit::process::crash_points`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::process::eventually;

/// Where those who are held say so.
pub(super) struct Holds(PathBuf);

impl Holds {
    pub(super) fn new(folder: &Path) -> Self {
        let holds = folder.join("holds");
        fs::create_dir(&holds).unwrap();
        Self(holds)
    }

    pub(super) fn folder(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Waits until somebody is held at the point, at this turn.
    pub(super) async fn arrived(&self, point: &str, turn: u64) {
        let here = self.0.join(format!("{point}.{turn}"));
        eventually(&format!("somebody is held at {point}, at turn {turn}"), async || here.exists()).await;
    }

    /// Lets everybody go who is or comes there.
    pub(super) fn go(&self, point: &str) {
        fs::write(self.go_of(point), "").unwrap();
    }

    fn go_of(&self, point: &str) -> PathBuf {
        self.0.join(format!("{point}.go"))
    }
}
