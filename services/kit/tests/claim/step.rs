//! The vocabulary of a run.

use std::fmt;

use crate::state::{Attempt, State};

/// What may happen next, and what is so afterwards.
pub(crate) type Moves = Vec<(Step, State)>;

/// One thing that happens, whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Step {
    pub(crate) attempt: Attempt,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    ReadsRev,
    Points,
    Intends,
    /// It finds its own request committed, by another attempt.
    Replays,
    LooksAtStranger,
    FencesStranger,
    LooksAtStrangerAgain,
    IsReused,
    ReadsRow,
    LooksAtOwner,
    FencesOwner,
    LooksAtOwnerAgain,
    IsTaken,
    SendsClaim,
    ClaimApplies,
    ClaimIsRefused,
    LearnsItClaimed,
    ReadsTheRowAgain,
    SendsCommit,
    CommitApplies,
    CommitIsRefused,
    LearnsItWon,
    StartsOver,
    GivesUp,
    Acknowledges,
    Crashes,
    IsSweptAndFenced,
    IsSweptUnfenced,
    IsSweptAndPublished,
    IsAborted,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.attempt, self.what)
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
