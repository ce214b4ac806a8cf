//! The search: breadth first, so that the first violation found is a shortest one.

use std::collections::HashSet;
use std::fmt;

use crate::invariant::{Broken, broken, is_settled};
use crate::rules::Setup;
use crate::state::State;
use crate::step::{Step, What};

/// What a search found.
#[derive(Debug)]
pub(crate) struct Exploration {
    /// How many different states were reached.
    pub(crate) states: usize,
    /// Everything that ever happened.
    pub(crate) happened: HashSet<What>,
    pub(crate) violation: Option<Violation>,
}

/// What went wrong, and the shortest way there.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) broken: Broken,
    pub(crate) trace: Vec<Step>,
}

/// Tries every order of every step.
pub(crate) fn explore(setup: &Setup) -> Exploration {
    let start = setup.start();
    // Every state in the order it was reached, from where and by which step; also the queue of those whose moves are
    // yet to be tried.
    let mut reached: Vec<(State, Option<(usize, Step)>)> = vec![(start, None)];
    let mut seen = HashSet::from([start]);
    let mut happened = HashSet::new();
    let mut violation = None;
    let mut at = 0;
    while let Some(&(state, _)) = reached.get(at) {
        let moves = setup.moves(&state);
        let is_stuck = moves.is_empty() && !is_settled(setup, &state);
        if let Some(broken) = broken(setup, &state).or(is_stuck.then_some(Broken::Stuck)) {
            violation = Some(Violation { broken, trace: trace(&reached, at) });
            break;
        }
        for (step, next) in moves {
            happened.insert(step.what);
            if seen.insert(next) {
                reached.push((next, Some((at, step))));
            }
        }
        at += 1;
    }
    Exploration { states: reached.len(), happened, violation }
}

fn trace(reached: &[(State, Option<(usize, Step)>)], mut at: usize) -> Vec<Step> {
    let mut trace = Vec::new();
    while let (_, Some((from, step))) = reached[at] {
        trace.push(step);
        at = from;
    }
    trace.reverse();
    trace
}

impl Exploration {
    /// Panics with the way to the violation, if there is one.
    #[track_caller]
    pub(crate) fn assert_holds(&self, states: usize) {
        if let Some(violation) = &self.violation {
            panic!("{violation}");
        }
        assert_eq!(self.states, states, "the number of states reached");
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, after", self.broken)?;
        for (number, step) in (1..).zip(&self.trace) {
            write!(f, "\n{number:4}. {step}")?;
        }
        Ok(())
    }
}
