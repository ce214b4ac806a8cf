//! All that a run has left behind at one moment.

mod set;

use std::fmt;

pub(crate) use self::set::{Member, Set};

pub(crate) type Epoch = u8;

/// Who may own the e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum User {
    A,
    B,
}

/// A server at work on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Creator {
    /// Creates A.
    A1,
    /// Creates A too: the caller gave up on A1 and sent the same request again.
    A2,
    /// Creates B, with the same e-mail address.
    B,
}

impl Creator {
    pub(crate) fn user(self) -> User {
        match self {
            Self::A1 | Self::A2 => User::A,
            Self::B => User::B,
        }
    }
}

/// A creator's way from intent to claim, taken anew with what the last one learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    pub(crate) creator: Creator,
    pub(crate) number: u8,
}

/// How many attempts a creator can make at most.
pub(crate) const ATTEMPTS: u8 = 2;

/// What a creator has done in its present attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    #[default]
    Fresh,
    Intended,
    Claiming,
    Won,
    Acknowledged,
    Lost,
    Crashed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Progress {
    pub(crate) stage: Stage,
    /// The present attempt's number.
    pub(crate) number: u8,
    /// The epoch at which its claim applies.
    pub(crate) expected: Epoch,
    /// A claim was sent and has had no effect yet. It outlives its sender.
    pub(crate) in_flight: bool,
}

/// One moment of a run, small enough to keep every one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The address's row.
    pub(crate) owner: Option<User>,
    pub(crate) epoch: Epoch,
    pub(crate) released: bool,

    creators: [Progress; 3],

    /// The epoch each written intent expects, by attempt.
    intents: [Option<Epoch>; 3 * ATTEMPTS as usize],
    /// Intents that the sweeper has looked at once.
    pub(crate) looked_at: Set<Attempt>,
    /// Intents that are settled.
    pub(crate) marked: Set<Attempt>,

    /// Users whose claim ever applied.
    pub(crate) committed: Set<User>,
    pub(crate) acknowledged: Set<User>,
    pub(crate) published: Set<User>,
}

// === impl State ===

impl State {
    /// The same moment but for one change.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn progress(&self, creator: Creator) -> &Progress {
        &self.creators[creator as usize]
    }

    pub(crate) fn progress_mut(&mut self, creator: Creator) -> &mut Progress {
        &mut self.creators[creator as usize]
    }

    pub(crate) fn intent(&self, attempt: Attempt) -> Option<Epoch> {
        self.intents[usize::from(attempt.index())]
    }

    pub(crate) fn write_intent(&mut self, attempt: Attempt, expected: Epoch) {
        self.intents[usize::from(attempt.index())] = Some(expected);
    }

    /// Its row is inserted before a user is acknowledged, and again before it is published.
    pub(crate) fn has_users_row(&self, user: User) -> bool {
        self.acknowledged.has(user) || self.published.has(user)
    }
}

// === impl Attempt ===

impl Attempt {
    pub(crate) fn user(self) -> User {
        self.creator.user()
    }
}

impl Member for Attempt {
    fn index(self) -> u8 {
        self.creator as u8 * ATTEMPTS + self.number
    }
}

impl Member for User {
    fn index(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, attempt {}", self.creator, self.number + 1)
    }
}
