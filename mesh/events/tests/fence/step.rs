//! The vocabulary of a run.

use std::fmt;

use crate::state::{Attempt, State, User};

/// What may happen next, and what is so afterwards.
pub(crate) type Moves = Vec<(Step, State)>;

/// One thing that happens, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    WritesIntent(Attempt),
    SendsClaim(Attempt),
    /// The e-mail's row takes the claim, however late.
    ClaimApplies(Attempt),
    /// The row has an owner, or another epoch.
    ClaimIsRefused(Attempt),
    LearnsItWon(Attempt),
    LearnsItLost(Attempt),
    /// The row has no owner but another epoch, so the next attempt expects that one.
    StartsOver(Attempt),
    Acknowledges(Attempt),
    Crashes(Attempt),

    /// The sweeper's first look finds the row owned by the intent's user.
    SweeperPublishes(Attempt),
    /// The first look finds the row as the intent expects it, so that its claim could still apply.
    SweeperFences(Attempt),
    /// The same look without the fence.
    SweeperLeavesUnfenced(Attempt),
    /// The first look finds another owner or epoch, so that the claim can no longer apply.
    SweeperSeesRowMovedOn(Attempt),
    /// The second look finds the users row.
    SweeperFindsUser(Attempt),
    SweeperAborts(Attempt),

    /// The user is deleted or changes address.
    ReleasesEmail(User),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (attempt, what) = match self {
            Self::WritesIntent(attempt) => (attempt, "writes its intent"),
            Self::SendsClaim(attempt) => (attempt, "sends its claim"),
            Self::ClaimApplies(attempt) => (attempt, "its claim applies"),
            Self::ClaimIsRefused(attempt) => (attempt, "its claim is refused"),
            Self::LearnsItWon(attempt) => (attempt, "learns that it won"),
            Self::LearnsItLost(attempt) => (attempt, "learns that it lost"),
            Self::StartsOver(attempt) => (attempt, "starts over at the epoch it learned"),
            Self::Acknowledges(attempt) => (attempt, "inserts the users row and acknowledges"),
            Self::Crashes(attempt) => (attempt, "crashes"),
            Self::SweeperPublishes(attempt) => (attempt, "the sweeper sees that it won, and publishes"),
            Self::SweeperFences(attempt) => (attempt, "the sweeper sees that it may win, and fences it off"),
            Self::SweeperLeavesUnfenced(attempt) => (attempt, "the sweeper sees that it has not won"),
            Self::SweeperSeesRowMovedOn(attempt) => (attempt, "the sweeper sees that it can win no more"),
            Self::SweeperFindsUser(attempt) => (attempt, "the sweeper finds the users row, and publishes"),
            Self::SweeperAborts(attempt) => (attempt, "the sweeper marks it as aborted"),
            Self::ReleasesEmail(user) => return write!(f, "user {user:?} lets go of the address"),
        };
        write!(f, "{attempt}: {what}")
    }
}
