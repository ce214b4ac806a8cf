//! All that a run has left behind at one moment.

use std::fmt;

use crate::rules::{ATTEMPTS, WRITERS};

/// Whose aggregates there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum User {
    A,
    B,
}

impl User {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// A user's partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Partition {
    pub(crate) rev: u8,
    pub(crate) has_address: bool,
    /// The request was committed here.
    pub(crate) remembers: bool,
    /// A pointer of the request leads here.
    pub(crate) is_pointed_at: bool,
}

/// The address's row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) owner: Option<User>,
    pub(crate) epoch: u8,
}

/// A writer's way from intent to commit, taken anew with what the last one learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    pub(crate) writer: usize,
    pub(crate) number: u8,
}

/// What a writer has to do next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    #[default]
    Begin,
    ReadRev,
    Point,
    Intend,
    /// Of the other aggregate that the request's pointers lead to.
    LookAtStranger,
    FenceStranger,
    LookAtStrangerAgain,
    ReadRow,
    LookAtOwner,
    FenceOwner,
    LookAtOwnerAgain,
    Claim,
    LearnClaim,
    Commit,
    LearnCommit,
    Acknowledge,
    /// It is over: acknowledged, refused, or crashed.
    Over,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Progress {
    pub(crate) stage: Stage,
    pub(crate) number: u8,
    /// What it read.
    pub(crate) rev: u8,
    pub(crate) row: Row,
    /// It was refused a claim in this attempt and read the row again.
    pub(crate) has_claimed: bool,
    /// What was sent and has had no effect yet. It outlives its sender.
    pub(crate) claim_in_flight: bool,
    pub(crate) claim_applied: bool,
    pub(crate) commit_in_flight: bool,
}

/// One moment of a run, small enough to keep every one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    partitions: [Partition; 2],
    pub(crate) row: Row,
    pub(crate) writers: [Progress; WRITERS],
    pub(crate) intended: Attempts,
    /// Attempts whose event's row is in a partition.
    pub(crate) committed: Attempts,
    pub(crate) acknowledged: Attempts,
    /// Intents that the sweeper has looked at once.
    pub(crate) looked_at: Attempts,
    pub(crate) marked: Attempts,
    pub(crate) published: Attempts,
}

/// A set of attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Attempts(u8);

// === impl State ===

impl State {
    /// The same moment but for one change.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn of(&self, user: User) -> &Partition {
        &self.partitions[user as usize]
    }

    pub(crate) fn of_mut(&mut self, user: User) -> &mut Partition {
        &mut self.partitions[user as usize]
    }
}

// === impl Progress ===

impl Progress {
    /// Forgets what has no bearing on anything to come, so that fewer states differ.
    pub(crate) fn forget(&mut self) {
        let needs_row = self.claim_in_flight
            || matches!(
                self.stage,
                Stage::LookAtOwner | Stage::FenceOwner | Stage::LookAtOwnerAgain | Stage::Claim
            );
        if !needs_row {
            self.row = Row::default();
        }
        if self.stage != Stage::LearnClaim {
            self.claim_applied = false;
        }
        let is_over = self.stage == Stage::Over;
        if (is_over || matches!(self.stage, Stage::LearnCommit | Stage::Acknowledge))
            && !self.commit_in_flight
        {
            self.rev = 0;
        }
        if matches!(self.stage, Stage::Commit | Stage::LearnCommit | Stage::Acknowledge) || is_over {
            self.has_claimed = false;
        }
        if is_over && !self.claim_in_flight && !self.commit_in_flight {
            *self = Self { stage: Stage::Over, ..Self::default() };
        }
    }
}

// === impl Attempts ===

impl Attempts {
    pub(crate) fn has(self, attempt: Attempt) -> bool {
        self.0 & attempt.bit() != 0
    }

    pub(crate) fn add(&mut self, attempt: Attempt) {
        self.0 |= attempt.bit();
    }

    pub(crate) fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

impl Attempt {
    fn bit(self) -> u8 {
        1 << (self.writer * ATTEMPTS as usize + usize::from(self.number))
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..WRITERS).flat_map(|writer| (0..ATTEMPTS).map(move |number| Self { writer, number }))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "writer {}, attempt {}", self.writer + 1, self.number + 1)
    }
}
