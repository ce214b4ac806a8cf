//! Who takes part in a run, and by which rules.

use crate::state::{Attempt, Creator, Epoch, State};
use crate::step::{Moves, Step};
use crate::{creator, sweeper};

/// What keeps an event from being lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// An intent is aborted only when its claim can no longer apply, which the sweeper sees to.
    Fence,
    /// An address that is let go of never has an epoch again at which someone claimed it.
    ReleaseMovesEpoch,
    /// What settles one attempt does not settle the next, which has an intent of its own.
    MarksPerAttempt,
    /// An address without its owner may have been let go of: only the users row tells.
    UsersRowBeforeAbort,
}

/// One run's circumstances.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) creators: &'static [Creator],
    /// How many attempts each makes at most.
    pub(crate) attempts: u8,
    /// A sweeper that lost its lease unawares, or was started anew, beside the one.
    pub(crate) second_sweeper: bool,
    pub(crate) without: Option<Rule>,
}

pub(crate) const ONE_SERVER: Setup = Setup::of(&[Creator::A1], 2);
pub(crate) const TWO_SERVERS_ONE_REQUEST: Setup = Setup::of(&[Creator::A1, Creator::A2], 2);
pub(crate) const TWO_USERS_RACING: Setup = Setup::of(&[Creator::A1, Creator::B], 2);
pub(crate) const ALL_THREE_ONCE: Setup = Setup::of(&[Creator::A1, Creator::A2, Creator::B], 1);
pub(crate) const ALL_THREE: Setup = Setup::of(&[Creator::A1, Creator::A2, Creator::B], 2);

impl Setup {
    const fn of(creators: &'static [Creator], attempts: u8) -> Self {
        Self { creators, attempts, second_sweeper: false, without: None }
    }

    pub(crate) fn with_second_sweeper(self) -> Self {
        Self { second_sweeper: true, ..self }
    }

    pub(crate) fn without(self, rule: Rule) -> Self {
        Self { without: Some(rule), ..self }
    }

    pub(crate) fn keeps(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// Every step that may come next. None of the parties waits for another, and there is no clock.
    pub(crate) fn moves(&self, state: &State) -> Moves {
        let mut moves = Moves::new();
        for &creator in self.creators {
            creator::moves(self, state, creator, &mut moves);
            creator::late_effect(state, creator, &mut moves);
        }
        for (attempt, expected) in self.intents(state) {
            sweeper::moves(self, state, attempt, expected, &mut moves);
        }
        moves.extend(self.release(state));
        moves
    }

    /// Every intent that was written, with the epoch it expects.
    pub(crate) fn intents(&self, state: &State) -> impl Iterator<Item = (Attempt, Epoch)> {
        let attempts = self
            .creators
            .iter()
            .flat_map(|&creator| (0..self.attempts).map(move |number| Attempt { creator, number }));
        attempts.filter_map(|attempt| Some((attempt, state.intent(attempt)?)))
    }

    /// What marks are kept by. Without its rule it is the event's id, which all attempts for a user share.
    pub(crate) fn key(&self, attempt: Attempt) -> Attempt {
        if self.keeps(Rule::MarksPerAttempt) {
            return attempt;
        }
        let creator = if attempt.creator == Creator::A2 { Creator::A1 } else { attempt.creator };
        Attempt { creator, number: 0 }
    }

    /// Once in a run, which keeps runs finite.
    fn release(&self, state: &State) -> Option<(Step, State)> {
        let owner = state.owner.filter(|&owner| !state.released && state.has_users_row(owner))?;
        let released = state.with(|s| {
            s.owner = None;
            s.epoch += Epoch::from(self.keeps(Rule::ReleaseMovesEpoch));
            s.released = true;
        });
        Some((Step::ReleasesEmail(owner), released))
    }
}
