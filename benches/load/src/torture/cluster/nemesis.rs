//! Who inflicts what was planned.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use mesh_rig::nemesis::{Fault, Hand, Lane, Planned, Schedule};
use tokio::time::{Instant, sleep, sleep_until};

use super::fleet::Fleet;
use crate::torture::journal::Journal;

/// Breaks what is planned, lane by lane.
#[derive(Debug)]
pub(super) struct Nemesis {
    pub(super) schedule: Schedule,
    pub(super) hand: Arc<Hand>,
    pub(super) fleet: Arc<Fleet>,
    pub(super) journal: Arc<Journal>,
}

impl Nemesis {
    /// Goes on until every fault has ended. One that would begin after `length`, because those before it took longer
    /// to mend than was planned, is left out. Answers how many were.
    ///
    /// # Errors
    /// When something cannot be broken or mended.
    pub(super) async fn run(self, length: Duration) -> anyhow::Result<usize> {
        let begin = Instant::now();
        let lanes = Lane::ALL.map(|lane| self.lane(lane, begin, length));
        let left_out = futures_util::future::try_join_all(lanes).await?;
        Ok(left_out.into_iter().sum())
    }

    async fn lane(&self, lane: Lane, begin: Instant, length: Duration) -> anyhow::Result<usize> {
        let mut left_out = 0;
        for Planned { at, lasts, fault } in self.schedule.of_lane(lane) {
            sleep_until(begin + *at).await;
            if begin.elapsed() >= length {
                left_out += 1;
                continue;
            }
            self.journal.fault(fault.name(), &fault.target());
            self.begin(fault).await?;
            sleep(*lasts).await;
            self.end(fault).await?;
        }
        Ok(left_out)
    }

    async fn begin(&self, fault: &Fault) -> anyhow::Result<()> {
        if self.hand.begin(fault).await? {
            return Ok(());
        }
        match fault {
            Fault::Kill(target) => self.fleet.member(target)?.kill().await,
            Fault::Pause(target) => self.fleet.member(target)?.stand_still(true).await,
            _ => Ok(()),
        }
    }

    async fn end(&self, fault: &Fault) -> anyhow::Result<()> {
        if self.hand.end(fault).await? {
            return Ok(());
        }
        match fault {
            Fault::Kill(target) => self.fleet.member(target)?.start().await,
            Fault::Pause(target) => self.fleet.member(target)?.stand_still(false).await,
            _ => Ok(()),
        }
    }
}

/// The plan for a person, a fault a line.
pub(super) fn told(schedule: &Schedule) -> String {
    let mut told = String::new();
    for Planned { at, lasts, fault } in schedule.planned() {
        let (at, lasts) = (at.as_secs_f64(), lasts.as_secs_f64());
        let how = match fault {
            Fault::Cut { fault, .. } => format!(" ({fault:?})"),
            Fault::LostBinding { pick } => format!(" (pick {pick})"),
            _ => String::new(),
        };
        // A string can always be written to.
        let _ = writeln!(told, "{at:>7.1} s  {} {}, for {lasts:.1} s{how}", fault.name(), fault.target());
    }
    told
}

#[cfg(test)]
mod tests {
    use mesh_rig::nemesis::Target;

    use super::{super::fleet::scene, *};

    #[test]
    fn a_plan_is_told_a_fault_a_line() {
        let target = Target::Service { name: "user".to_owned(), replica: 2 };
        let planned = Planned {
            at: Duration::from_millis(12_340),
            lasts: Duration::from_secs(20),
            fault: Fault::Pause(target),
        };
        assert_eq!(told(&Schedule::of(vec![planned])), "   12.3 s  pause user-2, for 20.0 s\n");
        let drawn = Schedule::draw(7, 5, &scene());
        assert_eq!(told(&drawn).lines().count(), drawn.planned().len());
    }
}
