//! With all rules, no order of steps does harm.
//!
//! A number of states that changes says that the model changed, perhaps by steps that can no longer be taken.

use std::collections::HashSet;

use crate::explorer::explore;
use crate::rules::*;
use crate::step::What::{self, *};

#[test]
fn one_server_does_no_harm() {
    explore(&ONE_SERVER).assert_holds(94);
}

#[test]
fn two_servers_with_one_request_do_no_harm() {
    explore(&TWO_SERVERS_ONE_REQUEST).assert_holds(85_629);
}

#[test]
fn two_users_racing_for_an_address_do_no_harm() {
    explore(&TWO_USERS_RACING).assert_holds(126_980);
}

#[test]
fn an_address_that_changes_hands_is_never_two_users() {
    explore(&AN_ADDRESS_CHANGES_HANDS).assert_holds(113_371);
    explore(&AN_ADDRESS_IS_LET_GO_OF).assert_holds(1_948);
}

#[test]
fn one_request_never_commits_two_contents() {
    explore(&ONE_REQUEST_TWO_CONTENTS).assert_holds(42_817);
    explore(&ONE_REQUEST_AND_ONE_ADDRESS).assert_holds(12_798);
}

#[test]
#[ignore = "takes half a minute in a development build"]
fn all_three_do_no_harm() {
    explore(&ALL_THREE_ONCE).assert_holds(1_124_983);
}

/// A search that never gets to a step proves nothing about it.
#[test]
fn every_step_is_tried() {
    let setups = [
        AN_ADDRESS_CHANGES_HANDS,
        ONE_REQUEST_TWO_CONTENTS,
        ONE_REQUEST_AND_ONE_ADDRESS,
        TWO_SERVERS_ONE_REQUEST,
    ];
    let tried: HashSet<What> = setups.iter().flat_map(|setup| explore(setup).happened).collect();
    let all = [
        ReadsRev,
        Replays,
        Points,
        Intends,
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
        IsSweptAndPublished,
        IsAborted,
    ];
    let untried: Vec<_> = all.into_iter().filter(|what| !tried.contains(what)).collect();
    assert_eq!(untried, []);
}
