//! What must never be so.

use std::fmt;

use crate::rules::Setup;
use crate::state::{Attempt, Stage, State, User};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    AddressOfTwo,
    RequestOfTwo,
    PublishedNeverCommitted,
    AcknowledgedNeverCommitted,
    CommittedNeverPublished,
    /// Nothing can happen any more, and something is not settled.
    Stuck,
}

/// What is wrong with this moment of a run.
pub(crate) fn broken(setup: &Setup, state: &State) -> Option<Broken> {
    let (a, b) = (state.of(User::A), state.of(User::B));
    if a.has_address && b.has_address {
        return Some(Broken::AddressOfTwo);
    }
    if a.remembers && b.remembers {
        return Some(Broken::RequestOfTwo);
    }
    if !state.published.is_within(state.committed) {
        return Some(Broken::PublishedNeverCommitted);
    }
    if !state.acknowledged.is_within(state.committed) {
        return Some(Broken::AcknowledgedNeverCommitted);
    }
    let lost = !state.committed.is_within(state.published);
    (lost && is_settled(setup, state)).then_some(Broken::CommittedNeverPublished)
}

/// Nobody is at work, nothing is on its way, every intent has its mark: nobody will ever publish what is not.
pub(crate) fn is_settled(setup: &Setup, state: &State) -> bool {
    let at_rest = state.writers[..setup.writers.len()].iter().all(|now| {
        let is_idle = matches!(now.stage, Stage::Begin | Stage::Over);
        is_idle && !now.claim_in_flight && !now.commit_in_flight
    });
    at_rest && Attempt::all().all(|a| !state.intended.has(a) || state.marked.has(a))
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AddressOfTwo => "two users have the address",
            Self::RequestOfTwo => "one request was committed with two contents",
            Self::PublishedNeverCommitted => "published, never committed",
            Self::AcknowledgedNeverCommitted => "acknowledged, never committed",
            Self::CommittedNeverPublished => "committed, never published",
            Self::Stuck => "stuck",
        })
    }
}
