//! A server that creates a user, and its claim once that is on its way.

use crate::rules::Setup;
use crate::state::{Attempt, Creator, Progress, Stage, State};
use crate::step::{Moves, Step};

/// What the creator may do next. To stall is to do nothing of it while others go on.
pub(crate) fn moves(setup: &Setup, state: &State, creator: Creator, moves: &mut Moves) {
    let now = *state.progress(creator);
    let attempt = Attempt { creator, number: now.number };
    let to = |stage| state.with(|s| s.progress_mut(creator).stage = stage);
    match now.stage {
        Stage::Acknowledged | Stage::Lost | Stage::Crashed => return,
        Stage::Fresh => {
            let intended = to(Stage::Intended).with(|s| s.write_intent(attempt, now.expected));
            moves.push((Step::WritesIntent(attempt), intended));
        }
        Stage::Intended => {
            let claiming = to(Stage::Claiming).with(|s| s.progress_mut(creator).in_flight = true);
            moves.push((Step::SendsClaim(attempt), claiming));
        }
        Stage::Claiming if now.in_flight => {}
        Stage::Claiming => {
            let (step, then) = outcome(setup, state, attempt, now);
            moves.push((step, state.with(|s| *s.progress_mut(creator) = then)));
        }
        Stage::Won => {
            let acknowledged = to(Stage::Acknowledged).with(|s| s.acknowledged.add(creator.user()));
            moves.push((Step::Acknowledges(attempt), acknowledged));
        }
    }
    moves.push((Step::Crashes(attempt), to(Stage::Crashed)));
}

/// What the creator makes of the e-mail's row once its claim was decided. It may be told much later, and the row
/// may have gone through other hands.
fn outcome(setup: &Setup, state: &State, attempt: Attempt, now: Progress) -> (Step, Progress) {
    let may_retry = attempt.number + 1 < setup.attempts;
    if state.owner == Some(attempt.user()) {
        (Step::LearnsItWon(attempt), Progress { stage: Stage::Won, ..now })
    } else if state.owner.is_none() && state.epoch != now.expected && may_retry {
        let next = Progress { number: now.number + 1, expected: state.epoch, ..Progress::default() };
        (Step::StartsOver(attempt), next)
    } else {
        (Step::LearnsItLost(attempt), Progress { stage: Stage::Lost, ..now })
    }
}

/// The row decides on a claim that was sent, whatever has become of its sender.
pub(crate) fn late_effect(state: &State, creator: Creator, moves: &mut Moves) {
    let now = state.progress(creator);
    if !now.in_flight {
        return;
    }
    let attempt = Attempt { creator, number: now.number };
    let decided = state.with(|s| s.progress_mut(creator).in_flight = false);
    if state.owner.is_some() || state.epoch != now.expected {
        moves.push((Step::ClaimIsRefused(attempt), decided));
        return;
    }
    let applied = decided.with(|s| {
        s.owner = Some(creator.user());
        s.committed.add(creator.user());
    });
    moves.push((Step::ClaimApplies(attempt), applied));
}
