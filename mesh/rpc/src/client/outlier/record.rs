//! What calls write down of an endpoint, and read of what was decided.

use super::{
    counts::{Counts, Interval},
    gate::{Gate, Standing},
};
use crate::client::balance::Outcome;

/// What calls write down of an endpoint, and read of what was decided.
#[derive(Debug)]
pub(in crate::client) struct Record {
    counts: Counts,
    gate: Gate,
    /// So many failures in a row are for the judge to see; zero: none ever are.
    alarm: u32,
}

impl Record {
    pub(in crate::client) fn new(alarm: u32) -> Self {
        Self { counts: Counts::new(), gate: Gate::new(), alarm }
    }

    pub(in crate::client) fn standing(&self) -> Standing {
        self.gate.standing()
    }

    /// Takes the one call that an endpoint gets which is `HalfOpen`.
    pub(in crate::client) fn try_probe(&self) -> bool {
        // Read first: nearly always there is none to take.
        self.gate.standing() == Standing::HalfOpen && self.gate.try_probe()
    }

    /// The call that has the probe says nothing: another one may try.
    pub(in crate::client) fn return_probe(&self) {
        self.gate.return_probe();
    }

    /// The probe was answered well before its call is over. Returns whether there is something to judge.
    pub(in crate::client) fn passed(&self) -> bool {
        self.gate.probed(true)
    }

    /// Writes an answer down; `probe` if it is the answer to the probe. Returns whether there is something to judge.
    pub(in crate::client) fn record(&self, outcome: Outcome, probe: bool) -> bool {
        let row = self.counts.record(outcome);
        if probe {
            return match outcome {
                Outcome::Unknown => {
                    self.gate.return_probe();
                    false
                }
                Outcome::Success => self.gate.probed(true),
                Outcome::Overloaded | Outcome::Failure | Outcome::TooLate | Outcome::Lost => {
                    self.gate.probed(false)
                }
            };
        }
        // Only the call that completes the row rings; if it is in vain, each look of the judge sees it again.
        self.alarm != 0 && row == Some(self.alarm)
    }

    /// Calls pass again, though none has proved that they should.
    pub(in crate::client) fn readmit(&self) {
        self.counts.begin_anew();
        self.gate.set(Standing::Closed);
    }

    /// The endpoint is another one now: the failures so far are no row that goes on.
    pub(in crate::client) fn begin_anew(&self) {
        self.counts.begin_anew();
    }

    pub(in crate::client) fn failed_in_a_row(&self) -> bool {
        self.alarm != 0 && self.counts.in_a_row() >= self.alarm
    }

    pub(super) fn take_interval(&self) -> Interval {
        self.counts.take()
    }

    /// For the judge alone.
    pub(in crate::client) fn set(&self, standing: Standing) {
        self.gate.set(standing);
    }
}
