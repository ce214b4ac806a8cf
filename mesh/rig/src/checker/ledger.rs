//! L1: the ledger.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Invariant::{L1, P1},
    Sum,
    found::{At, BookId, Books},
    payments::payment_of,
    verdict::Tally,
};
use crate::history::{Balance, Entry, Payment};

pub(super) fn check(books: &Books<'_>, tally: &mut Tally) {
    let mut transfers = HashMap::new();
    for (book, entries) in &books.entries {
        let fold = fold(*book, entries, &mut transfers, tally);
        equals_its_balance(*book, &fold, entries, books, tally);
    }
    for (book, at) in &books.balances {
        if !books.entries.contains_key(book) {
            equals_its_balance(*book, &Fold::default(), &[], books, tally);
        }
        is_never_negative(at, tally);
    }
    adds_up(books, tally);
    let moved = moved_by_payment(books);
    every_entry_is_a_payments(books, tally);
    for (id, at) in &books.payments {
        equals_its_entries(*at, moved.get(id).copied().unwrap_or_default(), tally);
    }
}

/// What entries add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Fold {
    held: i128,
    captured: i128,
    refunding: i128,
    refunded: i128,
}

impl Fold {
    fn available(&self) -> i128 {
        self.captured - self.refunded - self.refunding
    }

    fn is_possible(&self) -> bool {
        [self.held, self.refunding, self.available()].iter().all(|sum| *sum >= 0)
    }
}

/// Reads a book from its first entry to its last. Sequences rise, no transfer is there twice in any book, every
/// entry moves an amount above zero from one account to another, every POSTED and VOIDED entry resolves what is
/// PENDING, each at most once and by no more than that, and at no time is anything below zero.
fn fold<'a>(
    (user, currency): BookId<'a>,
    entries: &[At<'a, Entry>],
    transfers: &mut HashMap<&'a str, usize>,
    tally: &mut Tally,
) -> Fold {
    let (mut fold, mut last, mut was_possible) = (Fold::default(), None::<At<'_, Entry>>, true);
    let mut pending: HashMap<(&str, bool), i64> = HashMap::new();
    let mut resolved = HashSet::new();
    for at in entries {
        let entry = at.found;
        let Entry { sequence, transfer_id, operation, phase, .. } = entry;
        if let Some(before) = last.replace(*at)
            && before.found.sequence >= *sequence
        {
            let what = format_args!("in {user}'s {currency} {sequence} follows {}", before.found.sequence);
            tally.broke(L1, [before.line, at.line], what);
        }
        if let Some(other) = transfers.insert(transfer_id, at.line) {
            tally.broke(L1, [other, at.line], format_args!("transfer {transfer_id} is entered twice"));
        }
        let is_charge = match (entry.debit.as_str(), entry.credit.as_str()) {
            ("CUSTOMER", "MERCHANT") => true,
            ("MERCHANT", "CUSTOMER") => false,
            (debit, credit) => {
                let what = format_args!("transfer {transfer_id} is from {debit} to {credit}");
                tally.broke(L1, [at.line], what);
                continue;
            }
        };
        if entry.amount.minor <= 0 {
            let what = format_args!("transfer {transfer_id} is of {}", entry.amount.minor);
            tally.broke(L1, [at.line], what);
        }
        // A payment has one charge, whatever operations it takes; each refund is an operation of its own.
        let name = if is_charge { payment_of(operation) } else { operation.as_str() };
        if phase != "PENDING" && !resolved.insert((name, is_charge)) {
            tally.broke(L1, [at.line], format_args!("{operation} resolves what was resolved before"));
        }
        if let Err(why) = apply(&mut fold, entry, is_charge, pending.entry((name, is_charge))) {
            tally.broke(L1, [at.line], format_args!("{phase} {operation} {why}"));
        }
        if was_possible && !fold.is_possible() {
            was_possible = false;
            let what = format_args!("{user}'s {currency} falls below zero with {operation}");
            tally.broke(L1, [at.line], what);
        }
    }
    fold
}

type Pending<'a, 'b> = std::collections::hash_map::Entry<'a, (&'b str, bool), i64>;

/// Adds an entry to the sums. What it resolves stays with what was reserved for it, so that it is judged again if
/// it is resolved again.
fn apply(
    fold: &mut Fold,
    entry: &Entry,
    is_charge: bool,
    pending: Pending<'_, '_>,
) -> Result<(), &'static str> {
    let amount = entry.amount.minor;
    let (reserved, moved) = match is_charge {
        true => (&mut fold.held, &mut fold.captured),
        false => (&mut fold.refunding, &mut fold.refunded),
    };
    let whole = match (entry.phase.as_str(), pending) {
        ("PENDING", Pending::Vacant(place)) => {
            place.insert(amount);
            *reserved += i128::from(amount);
            return Ok(());
        }
        ("PENDING", Pending::Occupied(_)) => {
            *reserved += i128::from(amount);
            return Err("is pending twice");
        }
        ("POSTED", pending) => {
            *moved += i128::from(amount);
            match pending {
                Pending::Occupied(whole) if amount > *whole.get() => {
                    *reserved -= i128::from(*whole.get());
                    return Err("moves more than was reserved");
                }
                Pending::Occupied(whole) => Ok(*whole.get()),
                Pending::Vacant(_) => Err("moves what was never reserved"),
            }
        }
        ("VOIDED", Pending::Occupied(whole)) if amount == *whole.get() => Ok(amount),
        ("VOIDED", _) => Err("lets go of what was not reserved"),
        _ => Err("is in no phase that there is"),
    };
    *reserved -= i128::from(whole.unwrap_or(amount));
    whole.map(drop)
}

/// The balance that the service tells is what the entries add up to.
fn equals_its_balance(
    (user, currency): BookId<'_>,
    fold: &Fold,
    entries: &[At<'_, Entry>],
    books: &Books<'_>,
    tally: &mut Tally,
) {
    let Some(at) = books.balances.get(&(user, currency)) else {
        let first = entries.first().map(|at| at.line);
        tally.broke(L1, first, format_args!("nobody looked for the balance of {user}'s {currency}"));
        return;
    };
    let Balance { held_minor, captured_minor, refunding_minor, refunded_minor, available_minor, .. } =
        at.found;
    let told = [held_minor, captured_minor, refunding_minor, refunded_minor, available_minor];
    let added = [fold.held, fold.captured, fold.refunding, fold.refunded, fold.available()];
    let names = ["held", "captured", "refunding", "refunded", "available"];
    for ((name, told), added) in names.iter().zip(told).zip(added) {
        if i128::from(*told) != added {
            let what = format_args!("{user}'s {currency} says {name} {told}, and the entries say {added}");
            tally.broke(L1, [at.line], what);
        }
    }
}

/// No balance has anything below zero.
fn is_never_negative(at: &At<'_, Balance>, tally: &mut Tally) {
    let Balance { user_id, currency, held_minor, captured_minor, refunding_minor, refunded_minor, .. } =
        at.found;
    let sums = [held_minor, captured_minor, refunding_minor, refunded_minor, &at.found.available_minor];
    if sums.iter().any(|sum| **sum < 0) {
        tally.broke(L1, [at.line], format_args!("{user_id}'s {currency} has something below zero"));
    }
}

/// What all accounts of a currency have gained and lost by POSTED entries, and what the provider and the balances say.
pub(super) fn sums(books: &Books<'_>) -> Vec<Sum> {
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for at in books.all_entries().filter(|at| at.found.phase == "POSTED") {
        let sum = sum_of(&mut sums, &at.found.amount.currency);
        let amount = i128::from(at.found.amount.minor);
        for (account, gained) in [(&at.found.debit, -amount), (&at.found.credit, amount)] {
            match account.as_str() {
                "CUSTOMER" => sum.customer += gained,
                "MERCHANT" => sum.merchant += gained,
                _ => {}
            }
        }
    }
    for at in books.transactions.iter().filter(|at| at.found.status == "SETTLED") {
        let amount = i128::from(at.found.amount.minor);
        match at.found.kind.as_str() {
            "CAPTURE" => sum_of(&mut sums, &at.found.amount.currency).provider.taken += amount,
            "REFUND" => sum_of(&mut sums, &at.found.amount.currency).provider.given_back += amount,
            _ => {}
        }
    }
    for ((_, currency), at) in &books.balances {
        let (taken, given_back) = (at.found.captured_minor, at.found.refunded_minor);
        if (taken, given_back) != (0, 0) {
            let balances = &mut sum_of(&mut sums, currency).balances;
            balances.taken += i128::from(taken);
            balances.given_back += i128::from(given_back);
        }
    }
    sums.into_values().collect()
}

fn sum_of<'a, 'b>(sums: &'b mut BTreeMap<&'a str, Sum>, currency: &'a str) -> &'b mut Sum {
    sums.entry(currency).or_insert_with(|| Sum { currency: currency.to_owned(), ..Sum::default() })
}

/// In each currency all accounts together are zero, and the merchant has what the balances say that was taken and
/// not given back. (L1.) The provider, which keeps other books, has taken and not given back just as much. (P1.)
fn adds_up(books: &Books<'_>, tally: &mut Tally) {
    for sum in sums(books) {
        let Sum { currency, customer, merchant, provider, balances } = &sum;
        if customer + merchant != 0 {
            let what = format_args!("all accounts in {currency} together are {}", customer + merchant);
            tally.broke(L1, [], what);
        }
        if *merchant != balances.kept() {
            let told = balances.kept();
            let what = format_args!("the merchant has {merchant} {currency}, and the balances say {told}");
            tally.broke(L1, [], what);
        }
        if *merchant != provider.kept() {
            let theirs = provider.kept();
            let what = format_args!("the merchant has {merchant} {currency}, and the provider took {theirs}");
            tally.broke(P1, [], what);
        }
    }
}

/// Taken and given back.
fn moved_by_payment<'a>(books: &Books<'a>) -> BTreeMap<&'a str, (i128, i128)> {
    let mut moved: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
    for at in books.all_entries().filter(|at| at.found.phase == "POSTED") {
        let (captured, refunded) = moved.entry(&at.found.payment_id).or_default();
        *(if at.found.debit == "CUSTOMER" { captured } else { refunded }) +=
            i128::from(at.found.amount.minor);
    }
    moved
}

/// Every entry is of an operation of a payment of the same user and currency.
fn every_entry_is_a_payments(books: &Books<'_>, tally: &mut Tally) {
    for at in books.all_entries() {
        let Entry { user_id, payment_id, operation, amount, .. } = at.found;
        let payment = books.payments.get(payment_id.as_str());
        let is_theirs = payment.is_some_and(|payment| {
            (&payment.found.user_id, &payment.found.amount.currency) == (user_id, &amount.currency)
        });
        if !is_theirs || payment_of(operation) != payment_id {
            let lines = payment.map(|payment| payment.line).into_iter().chain([at.line]);
            tally.broke(L1, lines, format_args!("the entry of {operation} is of no payment of {user_id}"));
        }
    }
}

/// What was taken and given back by a payment is what its entries say, no more is taken than was authorized, and no
/// more is given back than was taken. A payment of which all was given back is REFUNDED, and only that.
fn equals_its_entries(at: At<'_, Payment>, (captured, refunded): (i128, i128), tally: &mut Tally) {
    let Payment { payment_id, amount, captured_minor, refunded_minor, state, .. } = at.found;
    let mut broke = |what: std::fmt::Arguments<'_>| tally.broke(L1, [at.line], what);
    if (captured, refunded) != (i128::from(*captured_minor), i128::from(*refunded_minor)) {
        broke(format_args!(
            "payment {payment_id} says {captured_minor} taken and {refunded_minor} given back, and the entries say \
             {captured} and {refunded}"
        ));
    }
    if captured > i128::from(amount.minor) {
        broke(format_args!("of payment {payment_id} {captured} was taken of {}", amount.minor));
    }
    if refunded > captured {
        broke(format_args!("of payment {payment_id} {refunded} was given back of {captured}"));
    }
    if (state == "REFUNDED") != (refunded > 0 && refunded >= captured) {
        broke(format_args!("payment {payment_id} is {state}, with {refunded} given back of {captured}"));
    }
}
