//! Who takes part in a run, and by which rules.

use crate::state::{Attempt, Partition, Row, State, User};
use crate::step::Moves;
use crate::{sweeper, writer};

/// Writers in a run at most, and attempts of each at most.
pub(crate) const WRITERS: usize = 3;
pub(crate) const ATTEMPTS: u8 = 2;

/// What keeps the invariants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// An intent is aborted only when its commit can no longer apply, which the sweeper sees to.
    SweeperFences,
    /// Every claim moves the epoch, also one of a row that is the claimant's own.
    EveryClaimMovesEpoch,
    /// Before a row is taken from its owner, the owner's pending commit is made to fail.
    OwnerIsFenced,
    /// Own `rev` is read before the intent is written: it is never that of the fence around this intent.
    RevBeforeIntent,
    /// Own `rev` is read before the row: whoever takes the row away then makes the commit fail.
    RevBeforeClaim,
    /// Before a request is taken for new, pending commits of the same request elsewhere are made to fail.
    StrangersAreFenced,
    /// Own `rev` is read before the request is checked: whoever checks later then makes the commit fail.
    RevBeforeCheck,
    /// The pointer is written before the request is checked: of two, one at least sees the other.
    PointerBeforeCheck,
}

/// What a writer does to its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Gives it the address: a creation, or a move.
    Arrive,
    /// Takes it off the address: a deletion, or a move elsewhere.
    Leave,
    /// Something else.
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer {
    pub(crate) user: User,
    pub(crate) change: Change,
    /// Whether it carries the request, of which there is one in a run. Each user's content for it is another one.
    pub(crate) has_request: bool,
}

/// One run's circumstances.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) writers: &'static [Writer],
    pub(crate) attempts: u8,
    /// User A has the address from the beginning.
    pub(crate) is_owned: bool,
    pub(crate) without: Option<Rule>,
}

const fn writer(user: User, change: Change, has_request: bool) -> Writer {
    Writer { user, change, has_request }
}

const CREATES_A: Writer = writer(User::A, Change::Arrive, true);
const MOVES_A: Writer = writer(User::A, Change::Arrive, false);
const MOVES_B: Writer = writer(User::B, Change::Arrive, false);
const TAKES_A_OFF: Writer = writer(User::A, Change::Leave, false);
const ASKED_OF_A: Writer = writer(User::A, Change::Other, true);
const ASKED_OF_B: Writer = writer(User::B, Change::Other, true);
const CREATES_B: Writer = writer(User::B, Change::Arrive, true);

/// A part of a writer's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    ReadRev,
    Point,
    Intend,
    Check,
    Claim,
    Commit,
}

pub(crate) const ONE_SERVER: Setup = Setup::of(&[CREATES_A], 2);
pub(crate) const TWO_SERVERS_ONE_REQUEST: Setup = Setup::of(&[CREATES_A, CREATES_A], 2);
pub(crate) const TWO_USERS_RACING: Setup = Setup::of(&[MOVES_A, MOVES_B], 2);
pub(crate) const ALL_THREE_ONCE: Setup = Setup::of(&[CREATES_A, CREATES_A, MOVES_B], 1);
/// The address is let go of while another user takes it, and its owner perhaps takes it back.
pub(crate) const AN_ADDRESS_CHANGES_HANDS: Setup =
    Setup { is_owned: true, ..Setup::of(&[TAKES_A_OFF, MOVES_B, MOVES_A], 1) };
pub(crate) const AN_ADDRESS_IS_LET_GO_OF: Setup =
    Setup { is_owned: true, ..Setup::of(&[TAKES_A_OFF, MOVES_B], 2) };
pub(crate) const ONE_REQUEST_TWO_CONTENTS: Setup = Setup::of(&[ASKED_OF_A, ASKED_OF_B], 2);
pub(crate) const ONE_REQUEST_AND_ONE_ADDRESS: Setup = Setup::of(&[CREATES_A, CREATES_B], 1);

impl Setup {
    const fn of(writers: &'static [Writer], attempts: u8) -> Self {
        Self { writers, attempts, is_owned: false, without: None }
    }

    pub(crate) fn without(self, rule: Rule) -> Self {
        Self { without: Some(rule), ..self }
    }

    pub(crate) fn keeps(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    pub(crate) fn start(&self) -> State {
        if !self.is_owned {
            return State::default();
        }
        State::default().with(|s| {
            *s.of_mut(User::A) = Partition { rev: 1, has_address: true, ..Partition::default() };
            s.row = Row { owner: Some(User::A), epoch: 1 };
        })
    }

    /// The parts of a writer's way, in the order of the rules, or of all but one.
    pub(crate) fn order(&self) -> [Part; 6] {
        use Part::*;
        match self.without {
            Some(Rule::RevBeforeIntent) => [Point, Intend, ReadRev, Check, Claim, Commit],
            Some(Rule::RevBeforeCheck) => [Point, Check, ReadRev, Intend, Claim, Commit],
            Some(Rule::RevBeforeClaim) => [Point, Claim, ReadRev, Intend, Check, Commit],
            Some(Rule::PointerBeforeCheck) => [ReadRev, Intend, Check, Point, Claim, Commit],
            _ => [ReadRev, Point, Intend, Check, Claim, Commit],
        }
    }

    /// Every step that may come next. None of the parties waits for another, and there is no clock.
    pub(crate) fn moves(&self, state: &State) -> Moves {
        let mut moves = Moves::new();
        for number in 0..self.writers.len() {
            writer::moves(self, state, number, &mut moves);
            writer::late_effects(self, state, number, &mut moves);
        }
        for attempt in Attempt::all().filter(|attempt| state.intended.has(*attempt)) {
            sweeper::moves(self, state, attempt, &mut moves);
        }
        moves
    }
}
