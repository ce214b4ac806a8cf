//! One operation, here and there.

use super::FindingKind;
use crate::{
    domain::{Operation, OperationKind, Outcome},
    provider::{Answer, Transaction},
};

/// What an operation of ours and the provider's transaction of the same key say together.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They agree, as far as both have ended.
    Agree,
    /// Ours is open and theirs has ended: ours can be ended.
    Open,
    /// Ours has ended and theirs was pending when it was read.
    Late,
    /// They cannot both be right.
    Differ(FindingKind, String),
}

/// Compares what both say.
pub(super) fn verdict(ours: &Operation, theirs: &Transaction) -> Verdict {
    let differ = |kind, description| Verdict::Differ(kind, description);
    if ours.amount != theirs.amount {
        let description = format!("{} here, {} there", ours.amount, theirs.amount);
        return differ(FindingKind::AmountMismatch, description);
    }
    if ours.kind != theirs.kind {
        let description = format!("{:?} here, {:?} there", ours.kind, theirs.kind);
        return differ(FindingKind::StateMismatch, description);
    }
    match (&ours.outcome, &theirs.answer) {
        (None, Answer::Pending) => Verdict::Agree,
        // The books can never say of a release that it was refused: somebody must look, not we again and again.
        (None, Answer::Declined(_)) if ours.kind == OperationKind::Void => {
            differ(FindingKind::StateMismatch, "the release is open here and declined there".to_owned())
        }
        (None, _) => Verdict::Open,
        (Some(_), Answer::Pending) => Verdict::Late,
        (Some(Outcome::Settled), Answer::Settled)
        // Both say that nothing was done.
        | (Some(Outcome::Declined(_) | Outcome::Failed), Answer::Declined(_)) => Verdict::Agree,
        (Some(outcome), answer) => {
            differ(FindingKind::StateMismatch, format!("{} here, {} there", here(outcome), there(answer)))
        }
    }
}

/// Whether the provider must know of the operation: what it cannot do it does not record.
pub(super) fn must_be_known(ours: &Operation) -> bool {
    matches!(ours.outcome, Some(Outcome::Settled | Outcome::Declined(_)))
}

/// How an operation of ours ended, for a person.
pub(super) fn here(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Settled => "settled",
        Outcome::Declined(_) => "declined",
        Outcome::Failed => "failed",
    }
}

fn there(answer: &Answer) -> &'static str {
    match answer {
        Answer::Settled => "settled",
        Answer::Declined(_) => "declined",
        Answer::Pending => "pending",
    }
}
