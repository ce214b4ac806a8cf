//! P2: what was done for a payment is what was asked for, once for each request.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Invariant::P2,
    found::{At, Books},
    matching::unmatched,
    operations::{Operation, Operations},
    payments::{SETTLED, payment_of},
    verdict::Tally,
};
use crate::history::{Call, Entry, Money, Payment};

/// What can be done for a payment whose money is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Capture,
    Void,
    Refund,
}

/// What was done, or refused by the provider, under one of its keys.
#[derive(Clone, Copy, Debug)]
struct Effect<'a> {
    key: &'a str,
    amount: &'a Money,
    line: usize,
}

/// A request: all calls under one name.
#[derive(Clone, Debug)]
struct Asked<'a> {
    /// A call of it, to name it.
    operation: &'a Operation<'a>,
    /// What it may have asked for: one amount, or without one all (of what is held, or of what is left).
    amounts: Vec<Option<&'a Money>>,
    /// Whether it was acknowledged.
    is_sure: bool,
}

/// What belongs to one payment and kind.
type By<'a, T> = BTreeMap<(&'a str, Kind), Vec<T>>;

/// For each payment and each of capture, release and refund: every request that was acknowledged had one effect, of
/// the amount that it asked for, and every effect is that of one request that was acknowledged or may have happened.
///
/// An effect is a transaction of the provider, settled or declined, or an entry of ours; whether they agree is P1's.
/// A repeat under the same request id is the same request. That all is taken as soon as it is held is a request, too,
/// which its creation made. Nothing is released because nobody took it in time: authorizations are good for seven
/// days, and histories are shorter.
pub(super) fn check(operations: &Operations<'_>, books: &Books<'_>, tally: &mut Tally) {
    let (effects, left) = (effects(books), left_to_give_back(books));
    let mut asked: By<'_, Asked<'_>> = BTreeMap::new();
    follow_ups(operations, &mut asked);
    immediate_captures(operations, books, &mut asked);
    for ((id, kind), asked) in &asked {
        for asked in asked.iter().filter(|asked| asked.is_sure) {
            is_told_in_a_state_of_it(*kind, id, asked.operation, tally);
        }
    }
    for (id, at) in &books.payments {
        for kind in [Kind::Capture, Kind::Void, Kind::Refund] {
            let asked = asked.get(&(id, kind)).map(Vec::as_slice).unwrap_or_default();
            let effects = effects.get(&(id, kind)).map(Vec::as_slice).unwrap_or_default();
            let fits = |asked: &Asked<'_>, effect: &Effect<'_>| {
                let mut amounts = asked.amounts.iter();
                amounts.any(|amount| match amount {
                    Some(amount) => *amount == effect.amount,
                    None => is_all(kind, effect, at.found, &left),
                })
            };
            each_has_its_own(*at, kind, asked, effects, fits, tally);
        }
    }
}

/// The effects of the operations by which the provider or we know a payment.
fn effects<'a>(books: &Books<'a>) -> By<'a, Effect<'a>> {
    let mut by_key: BTreeMap<&str, (Kind, Effect<'a>)> = BTreeMap::new();
    for at in &books.transactions {
        let kind = match at.found.kind.as_str() {
            "CAPTURE" => Kind::Capture,
            "VOID" => Kind::Void,
            "REFUND" => Kind::Refund,
            _ => continue,
        };
        let (key, amount, line) = (at.found.key.as_str(), &at.found.amount, at.line);
        by_key.entry(key).or_insert((kind, Effect { key, amount, line }));
    }
    for at in books.all_entries() {
        let kind = match (at.found.debit.as_str(), at.found.phase.as_str()) {
            ("CUSTOMER", "POSTED") => Kind::Capture,
            ("CUSTOMER", "VOIDED") => Kind::Void,
            ("MERCHANT", _) => Kind::Refund,
            _ => continue,
        };
        let (key, amount, line) = (at.found.operation.as_str(), &at.found.amount, at.line);
        by_key.entry(key).or_insert((kind, Effect { key, amount, line }));
    }
    let mut effects: By<'a, Effect<'a>> = BTreeMap::new();
    for (key, (kind, effect)) in by_key {
        effects.entry((payment_of(key), kind)).or_default().push(effect);
    }
    effects
}

/// What was left of its payment to be given back when a refund was reserved, by the refund's key.
fn left_to_give_back<'a>(books: &Books<'a>) -> HashMap<&'a str, i128> {
    let (mut left, mut kept) = (HashMap::new(), HashMap::<&str, i128>::new());
    for at in books.all_entries() {
        let Entry { payment_id, operation, phase, debit, amount, .. } = at.found;
        let kept = kept.entry(payment_id).or_default();
        match (phase.as_str(), debit.as_str()) {
            ("POSTED", "CUSTOMER") => *kept += i128::from(amount.minor),
            ("POSTED", _) => *kept -= i128::from(amount.minor),
            ("PENDING", "MERCHANT") => drop(left.insert(operation.as_str(), *kept)),
            _ => {}
        }
    }
    left
}

/// Whether an effect is what somebody asks for who names no amount. Of a refund that was never reserved nobody knows
/// what was left; that it was not is L1's.
fn is_all(kind: Kind, effect: &Effect<'_>, payment: &Payment, left: &HashMap<&str, i128>) -> bool {
    match kind {
        Kind::Capture | Kind::Void => *effect.amount == payment.amount,
        Kind::Refund => left.get(effect.key).is_none_or(|left| *left == i128::from(effect.amount.minor)),
    }
}

/// The requests for captures, releases and refunds of payments that are there already. Under one name only one
/// content happens: the one that was acknowledged, or else any that may have.
fn follow_ups<'a>(operations: &'a Operations<'a>, asked: &mut By<'a, Asked<'a>>) {
    // A call without a request id is a request of its own.
    let mut requests: BTreeMap<(&str, Option<&str>, usize), Vec<&'a Operation<'a>>> = BTreeMap::new();
    for operation in operations.iter().filter(|operation| operation.may_be()) {
        if follow_up(operation.call).is_some() {
            let id = operation.call.request_id();
            let alone = if id.is_none() { operation.begun } else { 0 };
            requests.entry((operation.method(), id, alone)).or_default().push(operation);
        }
    }
    for all in requests.into_values() {
        let acked = all.iter().find(|operation| operation.is_ok()).copied();
        let mut of_request: By<'a, Asked<'a>> = BTreeMap::new();
        for operation in acked.map_or(all, |acked| vec![acked]) {
            let Some((payment, kind, amount)) = follow_up(operation.call) else { continue };
            let of_payment = of_request.entry((payment, kind)).or_default();
            match of_payment.first_mut() {
                Some(request) => request.amounts.push(amount),
                None => {
                    let (amounts, is_sure) = (vec![amount], operation.is_ok());
                    of_payment.push(Asked { operation, amounts, is_sure });
                }
            }
        }
        for (of, requests) in of_request {
            asked.entry(of).or_default().extend(requests);
        }
    }
}

/// What a call asks for, of which payment, and how much of it.
fn follow_up(call: &Call) -> Option<(&str, Kind, Option<&Money>)> {
    match call {
        Call::CapturePayment { payment_id, amount, .. } => Some((payment_id, Kind::Capture, amount.as_ref())),
        Call::CancelPayment { payment_id, .. } => Some((payment_id, Kind::Void, None)),
        Call::RefundPayment { payment_id, amount, .. } => Some((payment_id, Kind::Refund, amount.as_ref())),
        _ => None,
    }
}

/// The captures that creations asked for: of a payment that was held, all is taken at once if its creation said so.
/// Whose creation was never answered may have been created by any such call of the same user and amount.
fn immediate_captures<'a>(operations: &'a Operations<'a>, books: &Books<'a>, asked: &mut By<'a, Asked<'a>>) {
    let mut answered: HashMap<&str, &Operation<'_>> = HashMap::new();
    let mut unknown: HashMap<(&str, &Money), Vec<&Operation<'_>>> = HashMap::new();
    let mut done = HashSet::new();
    for operation in operations.iter() {
        let Call::CreatePayment { user_id, amount, .. } = operation.call else { continue };
        if let Some(payment) = operation.payment() {
            answered.entry(&payment.payment_id).or_insert(operation);
            done.extend(operation.request());
        } else if operation.is_unknown() {
            unknown.entry((user_id, amount)).or_default().push(operation);
        }
    }
    for all in unknown.values_mut() {
        // What was answered to a repeat made the payment of that answer.
        all.retain(|operation| operation.request().is_none_or(|request| !done.contains(&request)));
    }
    let held = held(books);
    for (id, at) in &books.payments {
        let creations = match answered.get(id) {
            Some(creation) => std::slice::from_ref(creation),
            None => {
                let of_it = unknown.get(&(at.found.user_id.as_str(), &at.found.amount));
                of_it.map(Vec::as_slice).unwrap_or_default()
            }
        };
        let takes =
            |creation: &&&Operation<'_>| matches!(creation.call, Call::CreatePayment { capture: true, .. });
        let Some(operation) = creations.iter().find(takes).copied() else { continue };
        let is_sure = held.contains(id) && creations.iter().all(|creation| takes(&creation));
        let request = Asked { operation, amounts: vec![None], is_sure };
        asked.entry((id, Kind::Capture)).or_default().push(request);
    }
}

/// The payments whose money was held, by the provider's book or by ours.
fn held<'a>(books: &Books<'a>) -> HashSet<&'a str> {
    let theirs = books
        .transactions
        .iter()
        .filter(|at| (at.found.kind.as_str(), at.found.status.as_str()) == ("AUTHORIZE", "SETTLED"));
    let ours = books
        .all_entries()
        .filter(|at| (at.found.debit.as_str(), at.found.phase.as_str()) == ("CUSTOMER", "PENDING"));
    let theirs = theirs.map(|at| payment_of(&at.found.key));
    theirs.chain(ours.map(|at| payment_of(&at.found.operation))).collect()
}

/// An acknowledgement tells of a payment that is under way to what was asked for, or has come there, or beyond. A
/// capture or a refund that the provider declined leaves it as it was, so it may go another way afterwards.
fn is_told_in_a_state_of_it(kind: Kind, id: &str, operation: &Operation<'_>, tally: &mut Tally) {
    let Some(told) = operation.payment() else { return };
    let is_creation = matches!(operation.call, Call::CreatePayment { .. });
    let state = told.state.as_str();
    let fits = match kind {
        _ if is_creation => true,
        Kind::Capture => !matches!(state, "AUTHORIZING" | "DECLINED" | "FAILED"),
        Kind::Void => matches!(state, "VOIDING" | "VOIDED" | "NEEDS_RECONCILIATION"),
        Kind::Refund => matches!(
            state,
            "REFUNDING" | "CAPTURED" | "PARTIALLY_REFUNDED" | "REFUNDED" | "NEEDS_RECONCILIATION"
        ),
    };
    if !fits {
        let method = operation.method();
        let what = format_args!("{method} was acknowledged, and told that payment {id} is {state}");
        tally.broke(P2, operation.lines(), what);
    }
}

fn each_has_its_own(
    at: At<'_, Payment>,
    kind: Kind,
    asked: &[Asked<'_>],
    effects: &[Effect<'_>],
    fits: impl Fn(&Asked<'_>, &Effect<'_>) -> bool,
    tally: &mut Tally,
) {
    let Payment { payment_id, state, .. } = at.found;
    // If all who were acknowledged can be served, and all effects can be explained, then both can be at once: a
    // theorem of Mendelsohn and Dulmage. So they are matched separately.
    for effect in unmatched(effects, asked, |effect, asked| fits(asked, effect)) {
        let Effect { key, amount, .. } = effect;
        let lines = asked.iter().flat_map(|asked| asked.operation.lines()).chain([effect.line, at.line]);
        let what = format_args!(
            "{kind} {key} of {} {} is more than was asked for of payment {payment_id}",
            amount.minor, amount.currency
        );
        tally.broke(P2, lines, what);
    }
    // What is still under way has no effect yet; that it is, is P1's.
    if !SETTLED.contains(&state.as_str()) {
        return;
    }
    let sure: Vec<&Asked<'_>> = asked.iter().filter(|asked| asked.is_sure).collect();
    for asked in unmatched(&sure, effects, |asked, effect| fits(asked, effect)) {
        let operation = asked.operation;
        let (method, id) = (operation.method(), operation.call.request_id().unwrap_or_default());
        let what =
            format_args!("{method} {id} was acknowledged, and no {kind} of payment {payment_id} is its");
        let lines = operation.lines().chain(effects.iter().map(|effect| effect.line)).chain([at.line]);
        tally.broke(P2, lines, what);
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Capture => "CAPTURE",
            Self::Void => "VOID",
            Self::Refund => "REFUND",
        })
    }
}
