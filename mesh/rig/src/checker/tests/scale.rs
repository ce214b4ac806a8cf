//! Long histories, and any history at all.

use proptest::prelude::*;

use super::{
    Story,
    builder::{
        balance, create, eur, get, get_profile, pay_at_once, payment, profile, text, update_profile, user,
    },
    check,
    clean::payments,
};
use crate::history::{Answer, Entry, Found, Payment, Record, Transaction};

const USERS: usize = 5_000;
const ROUNDS: u64 = 6;

/// What a client does with one user, over and over, as parts of 100,000 operations.
fn live(story: &mut Story, id: &str) {
    story.done(create(id, &format!("{id}@example.org"), "N"), Answer::User(user(id, "N", 1)));
    for round in 1..=ROUNDS {
        story.done(get(id), Answer::User(user(id, "N", 1)));
        story.done(update_profile(id, "N"), Answer::Profile(profile(id, "N", round + 1)));
        story.done(get_profile(id), Answer::Profile(profile(id, "N", round + 1)));
    }
    story.done(
        pay_at_once(id, id, 7),
        Answer::Payment(of(id, payment(&format!("{id}-p"), 7, "CAPTURED", 7, 0, 3))),
    );
}

fn of(id: &str, payment: Payment) -> Payment {
    Payment { user_id: text(id), ..payment }
}

fn found(story: &mut Story, id: &str) {
    story.whole(user(id, "N", 1), profile(id, "N", ROUNDS + 1));
    let paid = format!("{id}-p");
    story.found(Found::Payment(of(id, payment(&paid, 7, "CAPTURED", 7, 0, 3))));
    for (number, kind, phase) in [(1, "AUTHORIZE", "PENDING"), (2, "CAPTURE", "POSTED")] {
        let key = format!("{paid}:{number}");
        story.found(Found::Entry(Entry {
            user_id: text(id),
            sequence: number,
            transfer_id: key.clone(),
            payment_id: paid.clone(),
            operation: key.clone(),
            phase: text(phase),
            debit: text("CUSTOMER"),
            credit: text("MERCHANT"),
            amount: eur(7),
        }));
        let (kind, status) = (text(kind), text("SETTLED"));
        story.found(Found::Transaction(Transaction { key, kind, amount: eur(7), status }));
    }
    let mut balance = balance(0, 7, 0, 0);
    balance.user_id = text(id);
    story.found(Found::Balance(balance));
    story.mailed(id, "payment_captured", "");
}

#[test]
fn a_hundred_thousand_operations_are_judged() {
    let mut story = Story::new();
    let names: Vec<String> = (0..USERS).map(|i| format!("u{i}")).collect();
    names.iter().for_each(|id| live(&mut story, id));
    story.quiet();
    names.iter().for_each(|id| found(&mut story, id));
    let verdict = check(&story.history());
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(verdict.counts.operations().all(), 100_000);
}

/// A history with lines taken out, doubled and moved, so far as it still is one.
fn shuffled(cuts: &[(usize, usize)]) -> Story {
    let mut story = payments();
    for (from, to) in cuts {
        story.move_line(*from, *to);
    }
    story
}

proptest! {
    #[test]
    fn no_history_makes_it_panic(cuts in proptest::collection::vec((0_usize..200, 0_usize..200), 0..40)) {
        if let Ok(history) = shuffled(&cuts).try_history() {
            let verdict = check(&history);
            prop_assert_eq!(verdict.is_clean(), verdict.broken_invariants().is_empty());
            prop_assert!(!verdict.to_string().is_empty());
        }
    }

    #[test]
    fn what_is_found_may_be_in_any_order_but_for_the_ledger(order in any::<[u8; 8]>()) {
        let mut story = payments();
        story.sort_found(|record, place| {
            let is_entry = matches!(record, Record::Found(Found::Entry(_)));
            if is_entry { (0, place) } else { (1, place.wrapping_mul(usize::from(order[place % 8]) + 1) % 97) }
        });
        story.holds();
    }
}
