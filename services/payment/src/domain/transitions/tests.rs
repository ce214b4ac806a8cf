use std::collections::BTreeSet;

use super::*;

/// What becomes of every event (a column each, in the order of `Event::ALL`) in every state. Lower case is the
/// state it leads to, upper case is why it is refused: see [`code_of_state`] and [`code_of_refusal`].
const MATRIX: &str = "\
CREATED              az NU NU NU NA NU NU NA NA NU NA NU NU NU NU NU NU NU NU NU
AUTHORIZING          BU ad de fa BU NU NU BU BU NU BU NU NU NU NU nr NU NU NU NU
AUTHORIZED           AA NU NU NU ca NU NU vo vo NU NC NU NU NU NU NU NU NU NU NU
CAPTURING            BU NU NU NU BU cd ad BU BU NU BU NU NU NU NU nr NU NU NU NU
CAPTURED             AC NU NU NU AC NU NU AC AC NU rf NU NU NU NU NU NU NU NU NU
REFUNDING            BU NU NU NU BU NU NU BU BU NU BU pr rd cd pr nr NU NU NU NU
PARTIALLY_REFUNDED   AC NU NU NU AC NU NU AC AC NU rf NU NU NU NU NU NU NU NU NU
REFUNDED             FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI
VOIDING              BU NU NU NU BU NU NU BU BU vd BU NU NU NU NU nr NU NU NU NU
VOIDED               FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI
DECLINED             FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI
FAILED               FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI FI
NEEDS_RECONCILIATION NR NR NR NR NR NR NR NR NR NR NR NR NR NR NR NR az ca vo rf
";

fn code_of_state(state: State) -> &'static str {
    match state {
        Created => "cr",
        Authorizing => "az",
        State::Authorized => "ad",
        Capturing => "ca",
        State::Captured => "cd",
        Refunding => "rf",
        PartiallyRefunded => "pr",
        Refunded => "rd",
        Voiding => "vo",
        State::Voided => "vd",
        State::Declined => "de",
        State::Failed => "fa",
        NeedsReconciliation => "nr",
    }
}

fn code_of_refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Final => "FI",
        Refusal::Busy => "BU",
        Refusal::NeedsReconciliation => "NR",
        Refusal::NotAuthorized => "NA",
        Refusal::AlreadyAuthorized => "AA",
        Refusal::NotCaptured => "NC",
        Refusal::AlreadyCaptured => "AC",
        Refusal::NotUnderWay => "NU",
    }
}

/// All states that a payment can come to from `start`, which is one of them.
fn reachable(start: State) -> BTreeSet<State> {
    let (mut seen, mut frontier) = (BTreeSet::from([start]), vec![start]);
    while let Some(state) = frontier.pop() {
        let next = Event::ALL.into_iter().filter_map(|event| state.after(event).ok());
        frontier.extend(next.filter(|state| seen.insert(*state)));
    }
    seen
}

#[test]
fn every_event_in_every_state_is_allowed_or_refused_with_its_reason() {
    let rows: String = State::ALL
        .into_iter()
        .map(|state| {
            let cells =
                Event::ALL.map(|event| state.after(event).map_or_else(code_of_refusal, code_of_state));
            format!("{:<20} {}\n", state.name(), cells.join(" "))
        })
        .collect();
    assert_eq!(rows, MATRIX);
}

#[test]
fn no_event_leads_to_two_states() {
    let rows: BTreeSet<_> = TRANSITIONS.iter().map(|(from, by, _)| (*from, *by)).collect();
    assert_eq!(rows.len(), TRANSITIONS.len());
}

#[test]
fn a_final_state_is_final_and_no_other_is() {
    for state in State::ALL {
        assert_eq!(reachable(state).len() == 1, state.is_final(), "{state}");
    }
}

#[test]
fn every_payment_can_end_and_every_state_can_come_about() {
    for state in State::ALL {
        assert!(reachable(state).into_iter().any(State::is_final), "{state}");
    }
    assert_eq!(reachable(Created), BTreeSet::from(State::ALL));
}

#[test]
fn an_operation_under_way_can_always_be_given_up_and_taken_up_again() {
    for state in State::ALL {
        match state.under_way() {
            Some(kind) => {
                assert_eq!(state.after(GiveUp), Ok(NeedsReconciliation), "{state}");
                assert_eq!(NeedsReconciliation.after(Event::resume(kind)), Ok(state));
            }
            None => assert!(state.after(GiveUp).is_err(), "{state}"),
        }
    }
}

#[test]
fn whatever_begins_leads_to_an_operation_under_way() {
    for (from, by, to) in TRANSITIONS {
        assert_eq!(by.begins() || by.resumes(), to.under_way().is_some(), "{from} {by:?}");
    }
}

#[test]
fn a_state_is_found_by_its_name() {
    for state in State::ALL {
        assert_eq!(State::named(state.name()), Some(state));
    }
    assert_eq!(State::named("created"), None);
}
