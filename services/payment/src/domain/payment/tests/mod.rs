//! Payments as a store keeps them: every step is judged before it counts.

mod check;
mod life;

use std::collections::BTreeMap;

use service_kit::clock::UnixMillis;
use uuid::Uuid;

use super::*;
use crate::domain::{Currency, LedgerError, Operation, Outcome, Transfer};

const NOW: UnixMillis = UnixMillis(1_000);
const EXPIRES: UnixMillis = UnixMillis(5_000);

fn money(minor: i64, code: &str) -> Money {
    Money::new(minor, Currency::parse("currency", code).unwrap())
}

fn euro(minor: i64) -> Money {
    money(minor, "EUR")
}

fn declined() -> Outcome {
    Outcome::Declined(DeclineCode::new("no_funds"))
}

fn new(minor: i64) -> NewPayment {
    NewPayment {
        id: PaymentId::at(NOW, [7; 10]),
        user: UserId(Uuid::from_u128(1)),
        amount: euro(minor),
        method: PaymentMethod::parse("method", "tok_ok").unwrap(),
        is_immediate: false,
        expires: EXPIRES,
    }
}

/// One payment as it is kept, in a book of its own.
#[derive(Clone)]
struct Kept {
    payment: Payment,
    open: Option<Operation>,
    pending: BTreeMap<ProviderKey, Transfer>,
    book: Balance,
}

impl Kept {
    fn new(new: NewPayment) -> Self {
        let step = Payment::create(new, NOW).unwrap();
        let book = step.payment.book();
        let before = Before { book, balance: Balance::default(), payment: None, open: None, pending: None };
        let balance = step.check(&before).unwrap();
        Self { payment: step.payment, open: step.opened, pending: BTreeMap::new(), book: balance }
    }

    /// 100 EUR, of which so much was taken.
    fn captured(minor: i64) -> Self {
        let mut kept = Self::new(new(100));
        kept.settle(Outcome::Settled);
        kept.keep(kept.payment.capture(Some(euro(minor)), NOW));
        kept.settle(Outcome::Settled);
        kept
    }

    fn check(&self, step: &Step) -> Result<Balance, Broken> {
        let pending = step.transfer.map(|transfer| transfer.resolves().unwrap_or(transfer.operation()));
        step.check(&Before {
            book: self.payment.book(),
            balance: self.book,
            payment: Some(&self.payment),
            open: self.open.as_ref(),
            pending: pending.and_then(|key| self.pending.get(&key)),
        })
    }

    fn keep(&mut self, step: Result<Step, Refused>) {
        let step = step.unwrap();
        self.book = self.check(&step).unwrap();
        if let Some(transfer) = step.transfer {
            match transfer.resolves() {
                None => self.pending.insert(transfer.operation(), transfer),
                Some(key) => self.pending.remove(&key),
            };
        }
        if step.settled.is_some() {
            self.open = None;
        }
        self.open = step.opened.or(self.open.take());
        self.payment = step.payment;
        assert_eq!(self.book, self.payment.balance, "a book of one payment");
        assert_eq!(self.open.is_some(), self.payment.state.has_open_operation());
    }

    fn settled(&self, outcome: Outcome) -> Result<Step, Refused> {
        self.payment.settle(self.open.as_ref().unwrap(), outcome, NOW)
    }

    fn settle(&mut self, outcome: Outcome) {
        self.keep(self.settled(outcome));
    }
}
