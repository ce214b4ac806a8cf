//! Bugs, put in on purpose: each must break the invariant that is named for it, in a scenario that breaks nothing
//! without it. A checker that never found anything proves nothing.
//!
//! Nothing here depends on luck: whoever must come first is waited for, and whoever must come later is held at a point.
//! That the fence is needed, `mesh-events` shows in its own model.

mod cache;
mod events;
mod holds;
mod payments;
mod servers;
mod users;

use std::{path::Path, time::Duration};

use load::torture::{Programs, Report, Setting};
use mesh_rig::checker::Invariant;
use tempfile::TempDir;

use self::holds::Holds;
use crate::{place::Place, process::PROGRAM};

/// With a bug nothing may ever come of an event: so long is waited while nothing else changes, with the bug and
/// without. The relay's sweep takes three seconds at most, and the consumers' first retry six.
const LOST_AFTER: Duration = Duration::from_secs(10);

/// A scenario's place, with or without its bug.
struct Scene {
    folder: TempDir,
    setting: Setting,
    holds: Holds,
    has_bug: bool,
    /// Where it is, if it is on servers.
    place: Option<Place>,
}

impl Scene {
    /// With the bug of this name, or without it.
    fn new(bug: &str, has_bug: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let holds = Holds::new(folder.path());
        let mut setting = Setting::new(Programs::alone(Path::new(PROGRAM)), folder.path());
        setting.stalled_after = Some(LOST_AFTER);
        let mut scene = Self { folder, setting, holds, has_bug, place: None };
        if has_bug {
            scene.fail(bug);
        }
        scene
    }

    /// The same on a CQL node and a broker.
    async fn on_servers(bug: &str, has_bug: bool) -> Self {
        let (scene, place) = (Self::new(bug, has_bug), Place::lend().await);
        Self { setting: place.of(scene.setting), place: Some(place), ..scene }
    }

    /// Turns a point on for good.
    fn fail(&mut self, point: &str) {
        let always = &mut self.setting.environment.always;
        match always.iter_mut().find(|(name, _)| name == "FAILPOINTS") {
            Some((_, points)) => *points += &format!(";{point}=return"),
            None => always.push(("FAILPOINTS".to_owned(), format!("{point}=return"))),
        }
    }

    /// Waits until everything that happened is known to be published. On the embedded store it is as soon as it is
    /// consumed.
    async fn published(&self) {
        if let Some(place) = &self.place {
            place.published("user").await;
            place.published("payment").await;
        }
    }

    /// The stack dies once, there.
    fn crash_at(&mut self, point: &str) {
        self.setting.environment.first.push(("CRASH_AT".to_owned(), point.to_owned()));
    }

    /// Who comes there waits for the test's word, in the stack's first life.
    fn hold_at(&mut self, points: &str) {
        let first = &mut self.setting.environment.first;
        first.push(("HOLD_AT".to_owned(), points.to_owned()));
        first.push(("HOLD_IN".to_owned(), self.holds.folder().to_owned()));
    }

    /// The bug was found, and breaks these; without it all is well. The stack ended as often as it was to, and no
    /// more.
    fn judge(self, report: &Report, broken: &[Invariant]) {
        let first = &self.setting.environment.first;
        let planned = first.iter().filter(|(name, _)| name == "CRASH_AT").count() as u64;
        assert_eq!(report.tally.crashes, planned, "{}", report.verdict);
        let found = report.verdict.broken_invariants();
        if self.has_bug {
            let missed: Vec<_> = broken.iter().filter(|invariant| !found.contains(invariant)).collect();
            assert!(missed.is_empty(), "{missed:?} held, in spite of the bug\n{}", report.verdict);
        } else if !found.is_empty() {
            panic!("{}\nin {}", report.verdict, self.folder.keep().display());
        }
    }
}
