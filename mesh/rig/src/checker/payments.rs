//! P1: the provider's book and ours.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Invariant::P1,
    found::{At, Books},
    operations::Operations,
    verdict::Tally,
};
use crate::history::{Call, Entry, Payment, Transaction};

/// The states in which nothing is under way.
pub(super) const SETTLED: [&str; 7] =
    ["AUTHORIZED", "CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED", "VOIDED", "DECLINED", "FAILED"];

pub(super) fn check(operations: &Operations<'_>, books: &Books<'_>, tally: &mut Tally) {
    is_as_it_was_told(operations, books, tally);
    is_settled(books, tally);
    let provider = Provider::of(books, tally);
    provider.knows_only_ours(books, tally);
    provider.has_what_was_entered(books, tally);
    provider.refused_what_is_declined(books, tally);
    for (id, at) in &books.payments {
        let done = provider.done.get(id).map(Vec::as_slice).unwrap_or_default();
        fits_its_state(*at, done, tally);
        adds_up(*at, done, tally);
    }
}

/// A payment that somebody was told of is found: as it was told, if it has not changed since, and with no less
/// taken or given back. It is of the user and the amount that was asked for.
fn is_as_it_was_told(operations: &Operations<'_>, books: &Books<'_>, tally: &mut Tally) {
    for operation in operations.iter() {
        let Some(told) = operation.payment() else { continue };
        let id = &told.payment_id;
        if let Call::CreatePayment { user_id, amount, .. } = operation.call
            && (user_id, amount) != (&told.user_id, &told.amount)
        {
            tally.broke(P1, operation.lines(), format_args!("payment {id} is another than was asked for"));
        }
        let Some(at) = books.payments.get(id.as_str()) else {
            tally.broke(P1, operation.lines(), format_args!("payment {id} was told of and is lost"));
            continue;
        };
        let found = at.found;
        let what = if found.version < told.version {
            "is older than it was told"
        } else if found.version == told.version && found != told {
            "is another at the same version than it was told"
        } else if (&found.user_id, &found.amount) != (&told.user_id, &told.amount)
            || found.captured_minor < told.captured_minor
            || found.refunded_minor < told.refunded_minor
        {
            "does not go on from what was told"
        } else {
            continue;
        };
        tally.broke(P1, operation.lines().chain([at.line]), format_args!("payment {id} {what}"));
    }
}

/// Nothing is under way after it was quiet: no payment in a state that ends in ING or that somebody must look at,
/// no refund that is reserved and neither given back nor let go, no transaction that the provider has not decided.
fn is_settled(books: &Books<'_>, tally: &mut Tally) {
    for (id, at) in &books.payments {
        let state = at.found.state.as_str();
        if !SETTLED.contains(&state) {
            tally.broke(P1, [at.line], format_args!("payment {id} is still {state}"));
        }
    }
    for at in &books.transactions {
        let Transaction { key, status, .. } = at.found;
        if !matches!(status.as_str(), "SETTLED" | "DECLINED") {
            tally.broke(P1, [at.line], format_args!("transaction {key} is still {status}"));
        }
    }
}

/// The provider's book.
struct Provider<'a> {
    by_key: HashMap<&'a str, At<'a, Transaction>>,
    /// What it did for each payment.
    done: BTreeMap<&'a str, Vec<At<'a, Transaction>>>,
    /// The payments for which it refused to hold anything.
    refused: HashSet<&'a str>,
}

impl<'a> Provider<'a> {
    /// Reads it. Nothing is done twice under one key.
    fn of(books: &Books<'a>, tally: &mut Tally) -> Self {
        let mut provider = Self { by_key: HashMap::new(), done: BTreeMap::new(), refused: HashSet::new() };
        for at in &books.transactions {
            let key = at.found.key.as_str();
            if let Some(other) = provider.by_key.insert(key, *at) {
                tally.broke(P1, [other.line, at.line], format_args!("transaction {key} was done twice"));
            }
            match (at.found.kind.as_str(), at.found.status.as_str()) {
                (_, "SETTLED") => provider.done.entry(payment_of(key)).or_default().push(*at),
                ("AUTHORIZE", "DECLINED") => drop(provider.refused.insert(payment_of(key))),
                _ => {}
            }
        }
        provider
    }

    /// Every transaction is a payment's of ours, and we entered what it did: a hold as PENDING, a capture as POSTED
    /// from the customer, a release as VOIDED from the customer, a refund as POSTED to the customer and a refused
    /// refund as VOIDED to the customer; and nothing for what else was refused.
    fn knows_only_ours(&self, books: &Books<'a>, tally: &mut Tally) {
        let mut entered: HashMap<&str, Vec<At<'_, Entry>>> = HashMap::new();
        for at in books.all_entries() {
            entered.entry(&at.found.operation).or_default().push(at);
        }
        for at in &books.transactions {
            let Transaction { key, kind, amount, status } = at.found;
            if !books.payments.contains_key(payment_of(key)) {
                tally.broke(
                    P1,
                    [at.line],
                    format_args!("the provider has {kind} {key} of no payment of ours"),
                );
                continue;
            }
            let ours = entered.get(key.as_str()).map(Vec::as_slice).unwrap_or_default();
            let lines = || ours.iter().map(|at| at.line).chain([at.line]);
            let entry = ours.iter().map(|at| at.found).find(|entry| {
                result_of(entry).is_some_and(|result| result == (kind.as_str(), status.as_str()))
            });
            match entry {
                Some(entry) if entry.amount != *amount => {
                    let ours = &entry.amount;
                    let what = format_args!(
                        "{kind} {key} is of {} {} there and of {} {} here",
                        amount.minor, amount.currency, ours.minor, ours.currency,
                    );
                    tally.broke(P1, lines(), what);
                }
                None if status == "SETTLED" || (status == "DECLINED" && kind == "REFUND") => {
                    tally.broke(
                        P1,
                        lines(),
                        format_args!("{kind} {key} is {status} there and not entered here"),
                    );
                }
                _ => {}
            }
        }
    }

    /// Every entry of ours is of something that the provider did, or refused, as the entry says. The reservation of
    /// a refund is of something that the provider was asked for.
    fn has_what_was_entered(&self, books: &Books<'a>, tally: &mut Tally) {
        for at in books.all_entries() {
            let Entry { operation, phase, .. } = at.found;
            let theirs = self.by_key.get(operation.as_str());
            let fits = match (result_of(at.found), theirs) {
                (Some((kind, status)), Some(theirs)) => {
                    theirs.found.kind == kind && theirs.found.status == status
                }
                (None, Some(theirs)) => theirs.found.kind == "REFUND",
                (_, None) => false,
            };
            if !fits {
                let lines = theirs.map(|theirs| theirs.line).into_iter().chain([at.line]);
                tally.broke(
                    P1,
                    lines,
                    format_args!("{phase} {operation} was entered here and is not so there"),
                );
            }
        }
    }

    /// A payment is DECLINED because the provider refused it.
    fn refused_what_is_declined(&self, books: &Books<'a>, tally: &mut Tally) {
        for (id, at) in &books.payments {
            if at.found.state == "DECLINED" && !self.refused.contains(id) {
                tally.broke(
                    P1,
                    [at.line],
                    format_args!("payment {id} is DECLINED, and the provider never refused it"),
                );
            }
        }
    }
}

/// The payment that a provider's key is of: what stands before the colon.
pub(super) fn payment_of(key: &str) -> &str {
    key.rsplit_once(':').map_or(key, |(payment, _)| payment)
}

/// What the provider must have done for this entry; nothing for the reservation of a refund, which is entered
/// before the provider is asked.
fn result_of(entry: &Entry) -> Option<(&'static str, &'static str)> {
    match (entry.debit.as_str(), entry.phase.as_str()) {
        ("CUSTOMER", "PENDING") => Some(("AUTHORIZE", "SETTLED")),
        ("CUSTOMER", "POSTED") => Some(("CAPTURE", "SETTLED")),
        ("CUSTOMER", "VOIDED") => Some(("VOID", "SETTLED")),
        ("MERCHANT", "POSTED") => Some(("REFUND", "SETTLED")),
        ("MERCHANT", "VOIDED") => Some(("REFUND", "DECLINED")),
        _ => None,
    }
}

fn count(done: &[At<'_, Transaction>], kind: &str) -> usize {
    done.iter().filter(|at| at.found.kind == kind).count()
}

fn sum(done: &[At<'_, Transaction>], kind: &str) -> i128 {
    done.iter().filter(|at| at.found.kind == kind).map(|at| i128::from(at.found.amount.minor)).sum()
}

/// For each state, how often the provider has done what: it holds once what is authorized, has taken once what is
/// captured, and so on; for a payment that was refused it has done nothing. A state that is not settled is told
/// above, and may have any of it.
fn fits_its_state(at: At<'_, Payment>, done: &[At<'_, Transaction>], tally: &mut Tally) {
    let Payment { payment_id, state, .. } = at.found;
    let [holds, captures, voids, refunds] =
        ["AUTHORIZE", "CAPTURE", "VOID", "REFUND"].map(|kind| count(done, kind));
    let fits = match state.as_str() {
        "AUTHORIZED" => (holds, captures, voids, refunds) == (1, 0, 0, 0),
        "CAPTURED" => (holds, captures, voids, refunds) == (1, 1, 0, 0),
        "PARTIALLY_REFUNDED" | "REFUNDED" => (holds, captures, voids) == (1, 1, 0) && refunds > 0,
        "VOIDED" => (holds, captures, voids, refunds) == (1, 0, 1, 0),
        "DECLINED" | "FAILED" => done.is_empty(),
        _ => true,
    };
    if !fits {
        let lines = done.iter().map(|at| at.line).chain([at.line]);
        let what = format_args!(
            "payment {payment_id} is {state}, but the provider held {holds}, took {captures}, let go {voids} and \
             gave back {refunds} times"
        );
        tally.broke(P1, lines, what);
    }
}

/// What the provider holds, has taken and has given back for a payment is what the payment says.
fn adds_up(at: At<'_, Payment>, done: &[At<'_, Transaction>], tally: &mut Tally) {
    let Payment { payment_id, amount, captured_minor, refunded_minor, .. } = at.found;
    let lines = || done.iter().map(|at| at.line).chain([at.line]);
    let mut differs = |what: &str, theirs: i128, ours: i64| {
        if theirs != i128::from(ours) {
            let what = format_args!("of payment {payment_id} the provider {what} {theirs} and not {ours}");
            tally.broke(P1, lines(), what);
        }
    };
    if count(done, "AUTHORIZE") > 0 {
        differs("held", sum(done, "AUTHORIZE"), amount.minor);
    }
    differs("took", sum(done, "CAPTURE"), *captured_minor);
    differs("gave back", sum(done, "REFUND"), *refunded_minor);
}
