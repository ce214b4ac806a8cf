use proptest::prelude::*;
use service_kit::clock::UnixMillis;
use uuid::Uuid;

use super::*;
use crate::domain::{
    Money, PaymentId,
    ledger::{Account, Direction, Phase},
};

fn euro(minor: i64) -> Money {
    Money::new(minor, Currency::parse("c", "EUR").unwrap())
}

fn key(seq: u32) -> ProviderKey {
    ProviderKey { payment: PaymentId(Uuid::from_u128(1)), seq }
}

fn transfer(seq: u32, phase: Phase, direction: Direction, minor: i64) -> Transfer {
    Transfer::new(key(seq), phase, direction, euro(minor), UnixMillis(0)).unwrap()
}

/// A ledger in which 100 were held and 80 of them taken.
fn captured() -> Ledger {
    let mut ledger = Ledger::new(euro(0).currency());
    ledger.push(transfer(1, Phase::Pending, Direction::Charge, 100)).unwrap();
    ledger.push(transfer(2, Phase::Post(key(1)), Direction::Charge, 80)).unwrap();
    ledger
}

#[test]
fn posting_a_part_frees_the_rest() {
    let ledger = captured();
    assert_eq!(ledger.balance(), Balance { captured: 80, ..Balance::default() });
    assert!(ledger.pending().is_empty());
    assert_eq!(ledger.balance().posted(Account::Customer), -80);
}

#[test]
fn a_pending_transfer_is_resolved_at_most_once() {
    for again in [Phase::Post(key(1)), Phase::Void(key(1))] {
        let mut ledger = captured();
        let refused = ledger.push(transfer(3, again, Direction::Charge, 100));
        assert_eq!(refused, Err(LedgerError::NotPending), "{again:?}");
        assert_eq!(ledger.balance(), captured().balance());
    }
    let (post, void) = (Phase::Post(key(1)), Phase::Void(key(1)));
    let ids = [post, void].map(|phase| transfer(2, phase, Direction::Charge, 100).id());
    assert_eq!(ids[0], ids[1], "two resolutions of one transfer would be one row");
}

#[test]
fn a_resolution_must_fit_what_is_pending() {
    let pending = transfer(1, Phase::Pending, Direction::Charge, 100);
    for (resolution, error) in [
        (transfer(2, Phase::Post(key(1)), Direction::Charge, 101), LedgerError::AbovePending),
        (transfer(2, Phase::Void(key(1)), Direction::Charge, 99), LedgerError::OtherThanPending),
        (transfer(2, Phase::Post(key(1)), Direction::Refund, 1), LedgerError::OtherThanPending),
        (transfer(2, Phase::Post(key(2)), Direction::Charge, 1), LedgerError::NotPending),
        (transfer(1, Phase::Pending, Direction::Charge, 1), LedgerError::PendingTwice),
    ] {
        let mut ledger = Ledger::new(euro(0).currency());
        ledger.push(pending).unwrap();
        assert_eq!(ledger.push(resolution), Err(error), "{resolution:?}");
        assert_eq!(ledger.balance().held, 100, "a refusal changes nothing");
    }
}

#[test]
fn no_more_is_given_back_than_was_taken() {
    let mut ledger = captured();
    ledger.push(transfer(3, Phase::Pending, Direction::Refund, 50)).unwrap();
    let above = ledger.push(transfer(4, Phase::Pending, Direction::Refund, 31));
    assert_eq!(above, Err(LedgerError::AboveCaptured), "what is reserved is not available");
    ledger.push(transfer(3, Phase::Post(key(3)), Direction::Refund, 50)).unwrap();
    ledger.push(transfer(4, Phase::Pending, Direction::Refund, 30)).unwrap();
    assert_eq!(ledger.balance().available(), 0);
}

#[test]
fn nothing_is_no_transfer_and_a_stranger_is_no_entry() {
    for minor in [0, -1, i64::MIN] {
        assert!(
            Transfer::new(key(1), Phase::Pending, Direction::Charge, euro(minor), UnixMillis(0)).is_err()
        );
    }
    let mut yen = Ledger::new(Currency::parse("c", "JPY").unwrap());
    assert_eq!(yen.push(transfer(1, Phase::Pending, Direction::Charge, 1)), Err(LedgerError::Mixed));
}

/// Any transfer among few operations, so that they meet.
fn any_transfer() -> impl Strategy<Value = Transfer> {
    let phase = prop_oneof![
        2 => Just(None),
        2 => (1..6_u32).prop_map(|seq| Some(Phase::Post(key(seq)))),
        1 => (1..6_u32).prop_map(|seq| Some(Phase::Void(key(seq)))),
    ];
    let amount = prop_oneof![3 => 1..6_i64, 1 => Just(i64::MAX)];
    (1..6_u32, phase, any::<bool>(), amount).prop_map(|(seq, phase, is_charge, minor)| {
        let direction = if is_charge { Direction::Charge } else { Direction::Refund };
        transfer(seq, phase.unwrap_or(Phase::Pending), direction, minor)
    })
}

proptest! {
    /// What was accepted is added up again from nothing but the accounts that each transfer names.
    #[test]
    fn whatever_is_accepted_sums_to_zero_and_is_never_negative(
        transfers in proptest::collection::vec(any_transfer(), 0..60),
    ) {
        let mut ledger = Ledger::new(euro(0).currency());
        let mut accounts = BTreeMap::from([(Account::Customer, 0_i128), (Account::Merchant, 0)]);
        for transfer in transfers {
            if ledger.push(transfer).is_ok() && matches!(transfer.phase(), Phase::Post(_)) {
                *accounts.get_mut(&transfer.debit()).unwrap() -= i128::from(transfer.amount().minor());
                *accounts.get_mut(&transfer.credit()).unwrap() += i128::from(transfer.amount().minor());
            }
            let balance = ledger.balance();
            prop_assert_eq!(accounts.values().sum::<i128>(), 0);
            for (account, posted) in &accounts {
                prop_assert_eq!(balance.posted(*account), *posted);
            }
            let reserved = |direction| {
                let pending = ledger.pending().values().filter(|pending| pending.direction() == direction);
                Money::sum(euro(0).currency(), pending.map(Transfer::amount)).unwrap()
            };
            prop_assert_eq!(balance.held, reserved(Direction::Charge));
            prop_assert_eq!(balance.refunding, reserved(Direction::Refund));
            prop_assert!(balance.available() >= 0 && balance.refunded <= balance.captured);
        }
    }
}
