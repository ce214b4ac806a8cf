//! Without any one of the rules there is harm. Each snapshot is a shortest way to it.

use crate::explorer::explore;
use crate::invariant::Broken::{self, *};
use crate::rules::*;
use crate::state::Attempt;
use crate::step::{
    Step,
    What::{self, *},
};

const fn by(writer: usize, number: u8, what: What) -> Step {
    Step { attempt: Attempt { writer, number }, what }
}

/// What the first writer does in its first attempt, and in its second.
const fn a(what: What) -> Step {
    by(0, 0, what)
}

const fn a_again(what: What) -> Step {
    by(0, 1, what)
}

/// What the second writer does.
const fn b(what: What) -> Step {
    by(1, 0, what)
}

#[track_caller]
fn assert_harm(setup: &Setup, broken: Broken, by: &[Step]) {
    let Some(violation) = explore(setup).violation else { panic!("nothing goes wrong in {setup:?}") };
    assert_eq!((violation.broken, &*violation.trace), (broken, by), "{violation}");
}

/// A commit that nobody waits for any more applies after the sweeper gave it up.
#[test]
fn without_the_sweepers_fence_an_aborted_commit_applies() {
    assert_harm(
        &ONE_SERVER.without(Rule::SweeperFences),
        CommittedNeverPublished,
        &[
            a(ReadsRev),
            a(Points),
            a(Intends),
            a(LooksAtStranger),
            a(ReadsRow),
            a(SendsClaim),
            a(ClaimApplies),
            a(LearnsItClaimed),
            a(SendsCommit),
            a(Crashes),
            a(IsSweptUnfenced),
            a(IsAborted),
            a(CommitApplies),
        ],
    );
}

/// The fence keeps out who read `rev` before it; this one reads it behind it, and is given up all the same.
#[test]
fn a_rev_read_after_the_intent_may_be_that_of_the_fence() {
    assert_harm(
        &ONE_SERVER.without(Rule::RevBeforeIntent),
        CommittedNeverPublished,
        &[
            a(Points),
            a(Intends),
            a(IsSweptAndFenced),
            a(ReadsRev),
            a(LooksAtStranger),
            a(ReadsRow),
            a(SendsClaim),
            a(ClaimApplies),
            a(LearnsItClaimed),
            a(SendsCommit),
            a(Crashes),
            a(IsAborted),
            a(CommitApplies),
        ],
    );
}

/// B has fenced A's first attempt. The second claims the row anew, and leaves it as B expects it.
#[test]
fn without_a_new_epoch_a_claim_of_ones_own_row_does_not_stop_who_is_taking_it() {
    assert_harm(
        &TWO_USERS_RACING.without(Rule::EveryClaimMovesEpoch),
        AddressOfTwo,
        &[
            a(ReadsRev),
            a(Intends),
            a(ReadsRow),
            a(SendsClaim),
            a(ClaimApplies),
            a(LearnsItClaimed),
            a(SendsCommit),
            b(ReadsRev),
            b(Intends),
            b(ReadsRow),
            b(LooksAtOwner),
            b(FencesOwner),
            a(CommitIsRefused),
            a(StartsOver),
            a_again(ReadsRev),
            a_again(Intends),
            a_again(ReadsRow),
            a_again(SendsClaim),
            a_again(ClaimApplies),
            a_again(LearnsItClaimed),
            a_again(SendsCommit),
            b(LooksAtOwnerAgain),
            a_again(CommitApplies),
            b(SendsClaim),
            b(ClaimApplies),
            b(LearnsItClaimed),
            b(SendsCommit),
            b(CommitApplies),
        ],
    );
}

/// B sees that A does not have the address yet.
#[test]
fn without_a_fence_the_owner_commits_while_its_row_is_taken() {
    assert_harm(
        &TWO_USERS_RACING.without(Rule::OwnerIsFenced),
        AddressOfTwo,
        &[
            a(ReadsRev),
            a(Intends),
            a(ReadsRow),
            a(SendsClaim),
            a(ClaimApplies),
            a(LearnsItClaimed),
            a(SendsCommit),
            b(ReadsRev),
            b(Intends),
            b(ReadsRow),
            b(LooksAtOwner),
            a(CommitApplies),
            b(SendsClaim),
            b(ClaimApplies),
            b(LearnsItClaimed),
            b(SendsCommit),
            b(CommitApplies),
        ],
    );
}

/// B's fence comes before A reads `rev`, and keeps nobody out.
#[test]
fn a_rev_read_after_the_claim_may_be_that_of_who_takes_the_row() {
    assert_harm(
        &TWO_USERS_RACING.without(Rule::RevBeforeClaim),
        AddressOfTwo,
        &[
            a(ReadsRow),
            a(SendsClaim),
            a(ClaimApplies),
            a(LearnsItClaimed),
            b(ReadsRow),
            b(LooksAtOwner),
            b(FencesOwner),
            a(ReadsRev),
            a(Intends),
            a(SendsCommit),
            b(LooksAtOwnerAgain),
            a(CommitApplies),
            b(SendsClaim),
            b(ClaimApplies),
            b(LearnsItClaimed),
            b(ReadsRev),
            b(Intends),
            b(SendsCommit),
            b(CommitApplies),
        ],
    );
}

/// B sees that nothing is committed for the request yet.
#[test]
fn without_a_fence_another_content_is_committed_after_the_look() {
    assert_harm(
        &ONE_REQUEST_TWO_CONTENTS.without(Rule::StrangersAreFenced),
        RequestOfTwo,
        &[
            a(ReadsRev),
            a(Points),
            a(Intends),
            a(LooksAtStranger),
            a(SendsCommit),
            b(ReadsRev),
            b(Points),
            b(Intends),
            b(LooksAtStranger),
            a(CommitApplies),
            b(SendsCommit),
            b(CommitApplies),
        ],
    );
}

/// B's fence comes before A reads `rev`, and keeps nobody out.
#[test]
fn a_rev_read_after_the_check_may_be_that_of_who_checks_later() {
    assert_harm(
        &ONE_REQUEST_TWO_CONTENTS.without(Rule::RevBeforeCheck),
        RequestOfTwo,
        &[
            a(Points),
            a(LooksAtStranger),
            b(Points),
            b(LooksAtStranger),
            b(FencesStranger),
            a(ReadsRev),
            a(Intends),
            a(SendsCommit),
            b(LooksAtStrangerAgain),
            a(CommitApplies),
            b(ReadsRev),
            b(Intends),
            b(SendsCommit),
            b(CommitApplies),
        ],
    );
}

/// Neither sees the other.
#[test]
fn without_its_pointer_a_content_is_not_seen_by_the_other() {
    assert_harm(
        &ONE_REQUEST_TWO_CONTENTS.without(Rule::PointerBeforeCheck),
        RequestOfTwo,
        &[
            a(ReadsRev),
            a(Intends),
            a(LooksAtStranger),
            b(ReadsRev),
            b(Intends),
            b(LooksAtStranger),
            a(Points),
            a(SendsCommit),
            a(CommitApplies),
            b(Points),
            b(SendsCommit),
            b(CommitApplies),
        ],
    );
}
