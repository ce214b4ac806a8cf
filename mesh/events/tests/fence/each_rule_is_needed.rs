//! Without any one of its rules the protocol loses an event. Each snapshot is a shortest way to lose it, with
//! the fewest parties that can.

use crate::explorer::{Violation, explore};
use crate::invariant::Broken;
use crate::rules::{ONE_SERVER, Rule, Setup, TWO_SERVERS_ONE_REQUEST, TWO_USERS_RACING};
use crate::state::Attempt;
use crate::state::Creator::{A1, B};
use crate::state::User::A;
use crate::step::Step::{self, *};

const A1_FIRST: Attempt = Attempt { creator: A1, number: 0 };
const A1_SECOND: Attempt = Attempt { creator: A1, number: 1 };
const B_FIRST: Attempt = Attempt { creator: B, number: 0 };

#[track_caller]
fn violation(setup: &Setup) -> Violation {
    explore(setup).violation.unwrap_or_else(|| panic!("nothing goes wrong in {setup:?}"))
}

#[track_caller]
fn assert_loses_an_event(setup: &Setup, by: &[Step]) {
    let violation = violation(setup);
    assert_eq!((violation.broken, &*violation.trace), (Broken::CommittedNeverPublished, by), "{violation}");
}

/// A claim that nobody waits for any more applies between the sweeper's look and its mark.
#[test]
fn without_the_fence_an_aborted_claim_applies() {
    assert_loses_an_event(
        &ONE_SERVER.without(Rule::Fence),
        &[
            WritesIntent(A1_FIRST),
            SendsClaim(A1_FIRST),
            Crashes(A1_FIRST),
            SweeperLeavesUnfenced(A1_FIRST),
            ClaimApplies(A1_FIRST),
            SweeperAborts(A1_FIRST),
        ],
    );
}

/// B was too late while A owned the address. Its claim is still on its way when the row is as it expects again.
#[test]
fn without_a_new_epoch_on_release_an_aborted_claim_applies() {
    assert_loses_an_event(
        &TWO_USERS_RACING.without(Rule::ReleaseMovesEpoch),
        &[
            WritesIntent(A1_FIRST),
            SendsClaim(A1_FIRST),
            Crashes(A1_FIRST),
            ClaimApplies(A1_FIRST),
            WritesIntent(B_FIRST),
            SendsClaim(B_FIRST),
            Crashes(B_FIRST),
            SweeperPublishes(A1_FIRST),
            SweeperSeesRowMovedOn(B_FIRST),
            SweeperAborts(B_FIRST),
            ReleasesEmail(A),
            ClaimApplies(B_FIRST),
        ],
    );
}

/// The first attempt is fenced off as it should be, and its mark passes for the second one's, which commits.
#[test]
fn without_marks_per_attempt_an_abort_covers_the_retry() {
    assert_loses_an_event(
        &ONE_SERVER.without(Rule::MarksPerAttempt),
        &[
            WritesIntent(A1_FIRST),
            SendsClaim(A1_FIRST),
            SweeperFences(A1_FIRST),
            ClaimIsRefused(A1_FIRST),
            StartsOver(A1_FIRST),
            WritesIntent(A1_SECOND),
            SendsClaim(A1_SECOND),
            Crashes(A1_SECOND),
            ClaimApplies(A1_SECOND),
            SweeperAborts(A1_FIRST),
        ],
    );
}

/// Whoever created an account and closed it at once leaves an address's row like that of a claim never made.
#[test]
fn without_a_look_at_the_users_row_a_released_claim_is_aborted() {
    assert_loses_an_event(
        &ONE_SERVER.without(Rule::UsersRowBeforeAbort),
        &[
            WritesIntent(A1_FIRST),
            SendsClaim(A1_FIRST),
            ClaimApplies(A1_FIRST),
            LearnsItWon(A1_FIRST),
            Acknowledges(A1_FIRST),
            ReleasesEmail(A),
            SweeperSeesRowMovedOn(A1_FIRST),
            SweeperAborts(A1_FIRST),
        ],
    );
}

/// The lengths are those of the Python model's traces.
#[test]
fn more_parties_neither_hide_a_missing_rule_nor_show_it_sooner() {
    let steps = |setup: Setup, rule| violation(&setup.without(rule)).trace.len();
    for setup in [ONE_SERVER, TWO_SERVERS_ONE_REQUEST, TWO_USERS_RACING] {
        assert_eq!(steps(setup, Rule::Fence), 6, "{setup:?}");
        assert_eq!(steps(setup, Rule::MarksPerAttempt), 10, "{setup:?}");
        assert_eq!(steps(setup, Rule::UsersRowBeforeAbort), 8, "{setup:?}");
    }
}

/// It takes another user for the sweeper to find a claim too late by the row's owner, and not by its epoch.
#[test]
fn one_user_alone_does_not_need_a_new_epoch_on_release() {
    for (setup, states) in [(ONE_SERVER, 103), (TWO_SERVERS_ONE_REQUEST, 39_869)] {
        explore(&setup.without(Rule::ReleaseMovesEpoch)).assert_holds(states);
    }
}
