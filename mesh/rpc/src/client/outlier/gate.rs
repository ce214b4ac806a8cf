//! Whether calls are let through to an endpoint, as calls see it.

use crate::atomic::{AtomicU8, Ordering};

/// How an endpoint stands, as calls see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::client) enum Standing {
    /// Takes calls.
    Closed,
    /// Takes none.
    Open,
    /// Takes one call, to see.
    HalfOpen,
    /// That call is under way.
    Probing,
    /// That call was answered well; whoever judges has not seen it yet.
    Passed,
    /// It was not.
    Failed,
}

/// The standing of an endpoint. Calls take and return the probe; everything else is for the judge to write.
#[derive(Debug)]
pub(super) struct Gate(AtomicU8);

impl Gate {
    pub(super) fn new() -> Self {
        Self(AtomicU8::new(Standing::Closed as u8))
    }

    pub(super) fn standing(&self) -> Standing {
        match self.0.load(Ordering::Relaxed) {
            0 => Standing::Closed,
            2 => Standing::HalfOpen,
            3 => Standing::Probing,
            4 => Standing::Passed,
            5 => Standing::Failed,
            _ => Standing::Open,
        }
    }

    /// Takes the probe: only one call gets it.
    pub(super) fn try_probe(&self) -> bool {
        self.exchange(Standing::HalfOpen, Standing::Probing)
    }

    /// The call that has the probe was answered. Returns whether somebody still waits for that.
    pub(super) fn probed(&self, well: bool) -> bool {
        self.exchange(Standing::Probing, if well { Standing::Passed } else { Standing::Failed })
    }

    /// The call that has the probe says nothing: another one may try.
    pub(super) fn return_probe(&self) {
        self.exchange(Standing::Probing, Standing::HalfOpen);
    }

    pub(super) fn set(&self, standing: Standing) {
        self.0.store(standing as u8, Ordering::Relaxed);
    }

    fn exchange(&self, from: Standing, to: Standing) -> bool {
        self.0.compare_exchange(from as u8, to as u8, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standing_is_read_as_it_was_written() {
        let gate = Gate::new();
        assert_eq!(gate.standing(), Standing::Closed);
        for standing in [
            Standing::Open,
            Standing::HalfOpen,
            Standing::Probing,
            Standing::Passed,
            Standing::Failed,
            Standing::Closed,
        ] {
            gate.set(standing);
            assert_eq!(gate.standing(), standing);
        }
    }

    #[test]
    fn one_call_gets_the_probe_and_one_answer_counts() {
        let gate = Gate::new();
        assert!(!gate.try_probe(), "there is none while all calls pass");
        gate.set(Standing::HalfOpen);
        let got = std::thread::scope(|scope| {
            let tries = [(); 4].map(|()| scope.spawn(|| gate.try_probe()));
            tries.into_iter().map(|tried| tried.join().unwrap()).filter(|got| *got).count()
        });
        assert_eq!(got, 1);
        gate.return_probe();
        assert!(gate.try_probe());
        assert!(gate.probed(false));
        assert!(!gate.probed(true), "it was answered already");
        gate.return_probe();
        assert_eq!(gate.standing(), Standing::Failed);
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_one_of_two_calls_is_the_probe_and_its_answer_is_kept() {
        loom::model(|| {
            let gate = Arc::new(Gate::new());
            gate.set(Standing::HalfOpen);
            let other = Arc::clone(&gate);
            let call = |gate: &Gate, well| gate.try_probe() && gate.probed(well);
            let other = thread::spawn(move || call(&other, true));
            let one = call(&gate, false);
            assert!(one != other.join().unwrap());
            assert_eq!(gate.standing(), if one { Standing::Failed } else { Standing::Passed });
        });
    }
}
