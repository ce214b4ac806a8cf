//! The search: breadth first, so that the first violation found is a shortest one.

use std::collections::HashSet;
use std::fmt;

use crate::invariant::{Broken, broken, is_settled};
use crate::rules::Setup;
use crate::state::State;
use crate::step::Step;

/// What a search found.
#[derive(Debug)]
pub(crate) struct Exploration {
    /// How many different states were reached.
    pub(crate) states: usize,
    /// Every step that was ever taken.
    pub(crate) steps: HashSet<Step>,
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
    explore_to_depth(setup, usize::MAX)
}

/// Tries every order of the first `depth` steps.
pub(crate) fn explore_to_depth(setup: &Setup, depth: usize) -> Exploration {
    let start = State::default();
    let mut search =
        Search { reached: vec![Reached { state: start, depth: 0, by: None }], seen: [start].into() };
    let mut steps = HashSet::new();
    let mut violation = None;
    let mut at = 0;
    while let Some(&Reached { state, depth: steps_so_far, .. }) = search.reached.get(at) {
        let moves = setup.moves(&state);
        let stuck = moves.is_empty() && !is_settled(setup, &state);
        if let Some(broken) = broken(setup, &state).or(stuck.then_some(Broken::Stuck)) {
            violation = Some(Violation { broken, trace: search.trace(at) });
            break;
        }
        if steps_so_far < depth {
            steps.extend(moves.iter().map(|&(step, _)| step));
            search.enter(at, &moves);
        }
        at += 1;
    }
    Exploration { states: search.reached.len(), steps, violation }
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

/// Every state in the order it was reached, which is also the queue of those whose moves are yet to be tried.
struct Search {
    reached: Vec<Reached>,
    seen: HashSet<State>,
}

#[derive(Clone, Copy)]
struct Reached {
    state: State,
    depth: usize,
    /// From where in the list, by which step.
    by: Option<(usize, Step)>,
}

impl Search {
    fn enter(&mut self, from: usize, moves: &[(Step, State)]) {
        let depth = self.reached[from].depth + 1;
        for &(step, state) in moves {
            if self.seen.insert(state) {
                self.reached.push(Reached { state, depth, by: Some((from, step)) });
            }
        }
    }

    fn trace(&self, mut at: usize) -> Vec<Step> {
        let mut trace = Vec::new();
        while let Some((from, step)) = self.reached[at].by {
            trace.push(step);
            at = from;
        }
        trace.reverse();
        trace
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
