//! The sweeper, which settles what creators left behind, in two looks.

use crate::rules::{Rule, Setup};
use crate::state::{Attempt, Epoch, State};
use crate::step::{Moves, Step};

/// What the sweeper may do next about one intent.
pub(crate) fn moves(setup: &Setup, state: &State, attempt: Attempt, expected: Epoch, moves: &mut Moves) {
    let key = setup.key(attempt);
    if state.marked.has(key) {
        return;
    }
    let looked_at = state.looked_at.has(key);
    if looked_at {
        moves.push(second_look(setup, state, attempt));
    }
    if !looked_at || setup.second_sweeper {
        moves.push(first_look(setup, state, attempt, expected));
    }
}

/// At the e-mail's row: is the intent's claim decided, and if not, it is now.
fn first_look(setup: &Setup, state: &State, attempt: Attempt, expected: Epoch) -> (Step, State) {
    let looked_at = state.with(|s| s.looked_at.add(setup.key(attempt)));
    if state.owner == Some(attempt.user()) {
        (Step::SweeperPublishes(attempt), published(setup, state, attempt))
    } else if state.owner.is_some() || state.epoch != expected {
        (Step::SweeperSeesRowMovedOn(attempt), looked_at)
    } else if setup.keeps(Rule::Fence) {
        (Step::SweeperFences(attempt), looked_at.with(|s| s.epoch += 1))
    } else {
        (Step::SweeperLeavesUnfenced(attempt), looked_at)
    }
}

/// At the users row, later: an address that is not the user's now may have been.
fn second_look(setup: &Setup, state: &State, attempt: Attempt) -> (Step, State) {
    if setup.keeps(Rule::UsersRowBeforeAbort) && state.has_users_row(attempt.user()) {
        return (Step::SweeperFindsUser(attempt), published(setup, state, attempt));
    }
    (Step::SweeperAborts(attempt), marked(setup, state, attempt))
}

fn published(setup: &Setup, state: &State, attempt: Attempt) -> State {
    marked(setup, state, attempt).with(|s| s.published.add(attempt.user()))
}

fn marked(setup: &Setup, state: &State, attempt: Attempt) -> State {
    state.with(|s| s.marked.add(setup.key(attempt)))
}
