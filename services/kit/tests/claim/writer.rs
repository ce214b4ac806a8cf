//! A server that changes a user, and what it sent once that is on its way.

use crate::rules::{Change, Part, Rule, Setup, Writer};
use crate::state::{Attempt, Progress, Row, Stage, State};
use crate::step::{Moves, Step, What};

/// What the writer may do next. To stall is to do nothing of it while others go on.
pub(crate) fn moves(setup: &Setup, state: &State, number: usize, moves: &mut Moves) {
    let writer = setup.writers[number];
    if state.writers[number].stage == Stage::Begin {
        let first = setup.order().into_iter().find_map(|part| stage_of(writer, part));
        let begun = state.with(|s| s.writers[number].stage = first.unwrap_or(Stage::Over));
        return moves_of(setup, &begun, number, writer, moves);
    }
    moves_of(setup, state, number, writer, moves);
}

fn moves_of(setup: &Setup, state: &State, number: usize, writer: Writer, moves: &mut Moves) {
    let now = state.writers[number];
    let attempt = Attempt { writer: number, number: now.number };
    let next = match now.stage {
        Stage::Begin | Stage::Over => return,
        Stage::LearnClaim if now.claim_in_flight => None,
        Stage::LearnCommit if now.commit_in_flight => None,
        Stage::ReadRev | Stage::Point | Stage::Intend => Some(begin(setup, state, writer, attempt)),
        Stage::LookAtStranger | Stage::FenceStranger | Stage::LookAtStrangerAgain => {
            Some(check(setup, state, writer, attempt))
        }
        Stage::ReadRow | Stage::LookAtOwner | Stage::FenceOwner | Stage::LookAtOwnerAgain => {
            Some(look(setup, state, writer, attempt))
        }
        Stage::Claim | Stage::LearnClaim => Some(claim(setup, state, writer, attempt)),
        Stage::Commit | Stage::LearnCommit | Stage::Acknowledge => Some(commit(setup, state, attempt)),
    };
    moves.extend(next.map(|(what, then)| (Step { attempt, what }, then)));
    let crashed = go(state, attempt, |now| now.stage = Stage::Over);
    moves.push((Step { attempt, what: What::Crashes }, crashed));
}

type Next = (What, State);

fn begin(setup: &Setup, state: &State, writer: Writer, attempt: Attempt) -> Next {
    let own = *state.of(writer.user);
    let after = |part| following(setup, writer, part);
    match state.writers[attempt.writer].stage {
        Stage::ReadRev if writer.has_request && own.remembers => {
            (What::Replays, go(state, attempt, |now| now.stage = Stage::Over))
        }
        Stage::ReadRev => {
            let read = |now: &mut Progress| (now.stage, now.rev) = (after(Part::ReadRev), own.rev);
            (What::ReadsRev, go(state, attempt, read))
        }
        Stage::Point => {
            let pointed = state.with(|s| s.of_mut(writer.user).is_pointed_at = true);
            (What::Points, go(&pointed, attempt, |now| now.stage = after(Part::Point)))
        }
        _ => {
            let intended = state.with(|s| s.intended.add(attempt));
            (What::Intends, go(&intended, attempt, |now| now.stage = after(Part::Intend)))
        }
    }
}

/// Is the request decided elsewhere?
fn check(setup: &Setup, state: &State, writer: Writer, attempt: Attempt) -> Next {
    let stranger = writer.user.other();
    let fence = setup.keeps(Rule::StrangersAreFenced);
    let done = following(setup, writer, Part::Check);
    match state.writers[attempt.writer].stage {
        Stage::FenceStranger => {
            let fenced = state.with(|s| s.of_mut(stranger).rev += 1);
            (What::FencesStranger, go(&fenced, attempt, |now| now.stage = Stage::LookAtStrangerAgain))
        }
        stage => {
            let is_first = stage == Stage::LookAtStranger;
            let what = if is_first { What::LooksAtStranger } else { What::LooksAtStrangerAgain };
            let there = *state.of(stranger);
            if there.is_pointed_at && there.remembers {
                return (What::IsReused, go(state, attempt, |now| now.stage = Stage::Over));
            }
            let next = if is_first && there.is_pointed_at && fence { Stage::FenceStranger } else { done };
            (what, go(state, attempt, |now| now.stage = next))
        }
    }
}

/// Whose is the address?
fn look(setup: &Setup, state: &State, writer: Writer, attempt: Attempt) -> Next {
    let now = state.writers[attempt.writer];
    match now.stage {
        Stage::ReadRow => {
            let is_others = state.row.owner.is_some_and(|owner| owner != writer.user);
            let next = if is_others { Stage::LookAtOwner } else { Stage::Claim };
            (What::ReadsRow, go(state, attempt, |now| (now.stage, now.row) = (next, state.row)))
        }
        Stage::FenceOwner => {
            let fenced = state.with(|s| s.of_mut(writer.user.other()).rev += 1);
            (What::FencesOwner, go(&fenced, attempt, |now| now.stage = Stage::LookAtOwnerAgain))
        }
        stage => {
            if state.of(writer.user.other()).has_address {
                return (What::IsTaken, go(state, attempt, |now| now.stage = Stage::Over));
            }
            let is_first = stage == Stage::LookAtOwner;
            let what = if is_first { What::LooksAtOwner } else { What::LooksAtOwnerAgain };
            let next =
                if is_first && setup.keeps(Rule::OwnerIsFenced) { Stage::FenceOwner } else { Stage::Claim };
            (what, go(state, attempt, |now| now.stage = next))
        }
    }
}

fn claim(setup: &Setup, state: &State, writer: Writer, attempt: Attempt) -> Next {
    let now = state.writers[attempt.writer];
    if now.stage == Stage::Claim {
        let sent = go(state, attempt, |now| {
            (now.stage, now.claim_in_flight, now.claim_applied) = (Stage::LearnClaim, true, false);
        });
        return (What::SendsClaim, sent);
    }
    if now.claim_applied {
        let next = following(setup, writer, Part::Claim);
        return (What::LearnsItClaimed, go(state, attempt, |now| now.stage = next));
    }
    if now.has_claimed {
        return start_over(setup, state, attempt);
    }
    let again = go(state, attempt, |now| (now.stage, now.has_claimed) = (Stage::ReadRow, true));
    (What::ReadsTheRowAgain, again)
}

fn commit(setup: &Setup, state: &State, attempt: Attempt) -> Next {
    match state.writers[attempt.writer].stage {
        Stage::Commit => {
            let sent = go(state, attempt, |now| {
                (now.stage, now.commit_in_flight) = (Stage::LearnCommit, true);
            });
            (What::SendsCommit, sent)
        }
        Stage::LearnCommit if state.committed.has(attempt) => {
            (What::LearnsItWon, go(state, attempt, |now| now.stage = Stage::Acknowledge))
        }
        // Refused for good, which it may say itself.
        Stage::LearnCommit => start_over(setup, &state.with(|s| s.marked.add(attempt)), attempt),
        _ => {
            let acknowledged = state.with(|s| s.acknowledged.add(attempt));
            (What::Acknowledges, go(&acknowledged, attempt, |now| now.stage = Stage::Over))
        }
    }
}

/// With another attempt, which has an intent of its own.
fn start_over(setup: &Setup, state: &State, attempt: Attempt) -> Next {
    if attempt.number + 1 == setup.attempts {
        return (What::GivesUp, go(state, attempt, |now| now.stage = Stage::Over));
    }
    let next = Progress { number: attempt.number + 1, ..Progress::default() };
    (What::StartsOver, go(state, attempt, |now| *now = next))
}

/// What was sent is decided, whatever has become of its sender.
pub(crate) fn late_effects(setup: &Setup, state: &State, number: usize, moves: &mut Moves) {
    let now = state.writers[number];
    let attempt = Attempt { writer: number, number: now.number };
    let writer = setup.writers[number];
    if now.claim_in_flight {
        let decided = go(state, attempt, |now| now.claim_in_flight = false);
        let (what, then) = if state.row == now.row {
            let is_own = now.row.owner == Some(writer.user);
            let moved = u8::from(!is_own || setup.keeps(Rule::EveryClaimMovesEpoch));
            let row = Row { owner: Some(writer.user), epoch: now.row.epoch + moved };
            let applied = go(&decided, attempt, |now| now.claim_applied = true);
            (What::ClaimApplies, applied.with(|s| s.row = row))
        } else {
            (What::ClaimIsRefused, decided)
        };
        moves.push((Step { attempt, what }, then));
    }
    if now.commit_in_flight {
        let decided = go(state, attempt, |now| now.commit_in_flight = false);
        let (what, then) = if state.of(writer.user).rev == now.rev {
            (What::CommitApplies, decided.with(|s| apply(s, writer, attempt)))
        } else {
            (What::CommitIsRefused, decided)
        };
        moves.push((Step { attempt, what }, then));
    }
}

fn apply(state: &mut State, writer: Writer, attempt: Attempt) {
    let own = state.of_mut(writer.user);
    own.rev += 1;
    own.remembers |= writer.has_request;
    match writer.change {
        Change::Arrive => own.has_address = true,
        Change::Leave => own.has_address = false,
        Change::Other => {}
    }
    state.committed.add(attempt);
}

/// Where the writer goes on after this part.
fn following(setup: &Setup, writer: Writer, part: Part) -> Stage {
    let parts = setup.order();
    let rest = parts.into_iter().skip_while(|other| *other != part).skip(1);
    rest.into_iter().find_map(|part| stage_of(writer, part)).unwrap_or(Stage::Commit)
}

/// The first stage of a part, if the writer's way has it.
fn stage_of(writer: Writer, part: Part) -> Option<Stage> {
    match part {
        Part::ReadRev => Some(Stage::ReadRev),
        Part::Point => writer.has_request.then_some(Stage::Point),
        Part::Intend => Some(Stage::Intend),
        Part::Check => writer.has_request.then_some(Stage::LookAtStranger),
        Part::Claim => (writer.change == Change::Arrive).then_some(Stage::ReadRow),
        Part::Commit => Some(Stage::Commit),
    }
}

fn go(state: &State, attempt: Attempt, change: impl FnOnce(&mut Progress)) -> State {
    state.with(|s| {
        let now = &mut s.writers[attempt.writer];
        change(now);
        now.forget();
    })
}
