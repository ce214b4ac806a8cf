//! What must never be so.

use std::fmt;

use crate::rules::Setup;
use crate::state::{Stage, State};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    PublishedNeverCommitted,
    AcknowledgedNeverCommitted,
    CommittedNeverPublished,
    /// Nothing can happen any more, and something is not settled.
    Stuck,
}

/// What is wrong with this moment of a run.
pub(crate) fn broken(setup: &Setup, state: &State) -> Option<Broken> {
    if !state.published.is_within(state.committed) {
        return Some(Broken::PublishedNeverCommitted);
    }
    if !state.acknowledged.is_within(state.committed) {
        return Some(Broken::AcknowledgedNeverCommitted);
    }
    let lost = !state.committed.is_within(state.published);
    (lost && is_settled(setup, state)).then_some(Broken::CommittedNeverPublished)
}

/// Nobody is at work, no claim is on its way, every intent has its mark: nobody will ever publish what is not.
pub(crate) fn is_settled(setup: &Setup, state: &State) -> bool {
    let at_rest = setup.creators.iter().all(|&creator| {
        let now = state.progress(creator);
        let working = matches!(now.stage, Stage::Intended | Stage::Claiming | Stage::Won);
        !working && !now.in_flight
    });
    at_rest && setup.intents(state).all(|(attempt, _)| state.marked.has(setup.key(attempt)))
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PublishedNeverCommitted => "published, never committed",
            Self::AcknowledgedNeverCommitted => "acknowledged, never committed",
            Self::CommittedNeverPublished => "committed, never published",
            Self::Stuck => "stuck with something unsettled",
        })
    }
}
