//! The sweeper, which settles what writers left behind, in two looks.

use crate::rules::{Rule, Setup};
use crate::state::{Attempt, State};
use crate::step::{Moves, Step, What};

/// What the sweeper may do next about one intent.
pub(crate) fn moves(setup: &Setup, state: &State, attempt: Attempt, moves: &mut Moves) {
    if state.marked.has(attempt) {
        return;
    }
    let (what, then) = if state.committed.has(attempt) {
        let published = state.with(|s| s.published.add(attempt));
        (What::IsSweptAndPublished, published.with(|s| s.marked.add(attempt)))
    } else if state.looked_at.has(attempt) {
        (What::IsAborted, state.with(|s| s.marked.add(attempt)))
    } else if setup.keeps(Rule::SweeperFences) {
        let user = setup.writers[attempt.writer].user;
        let fenced = state.with(|s| s.of_mut(user).rev += 1);
        (What::IsSweptAndFenced, fenced.with(|s| s.looked_at.add(attempt)))
    } else {
        (What::IsSweptUnfenced, state.with(|s| s.looked_at.add(attempt)))
    };
    moves.push((Step { attempt, what }, then));
}
