//! The model: maps, and a balance that is counted from what the provider did.

use std::collections::BTreeMap;

use payment::{
    domain::{
        Account, Balance, BookId, Ledger, Operation, OperationKind, Outcome, Payment, PaymentId, Phase,
        ProviderKey, State, Step,
    },
    store::{Applied, Book, Entry, PaymentStore, Standing, StoreError},
};

use crate::conformance::support::{money, request, user};

/// The books of a walk.
pub(crate) fn books() -> impl Iterator<Item = BookId> {
    [(1, "EUR"), (1, "USD"), (2, "EUR"), (2, "USD")].into_iter().map(|(who, code)| book(who, code))
}

pub(crate) fn book(who: u64, code: &str) -> BookId {
    BookId { user: user(who), currency: money(0, code).currency() }
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) payments: BTreeMap<PaymentId, Payment>,
    pub(crate) operations: BTreeMap<ProviderKey, Operation>,
    pub(crate) entries: BTreeMap<String, Vec<Entry>>,
    pub(crate) versions: BTreeMap<String, u64>,
    /// Content of a request, and the operation it began.
    pub(crate) requests: BTreeMap<u8, (String, ProviderKey)>,
    pub(crate) events: usize,
}

/// What the model says of a commit.
#[derive(Debug, PartialEq)]
pub(crate) enum Expected {
    Applied(Applied),
    Stale,
    Reused,
}

pub(crate) fn seen(result: Result<Applied, StoreError>) -> Expected {
    match result {
        Ok(applied) => Expected::Applied(applied),
        Err(StoreError::Stale) => Expected::Stale,
        Err(StoreError::RequestReused) => Expected::Reused,
        Err(error) => panic!("{error:?}"),
    }
}

impl Model {
    pub(crate) fn version(&self, book: BookId) -> u64 {
        self.versions.get(&book.to_string()).copied().unwrap_or_default()
    }

    pub(crate) fn open(&self, payment: &Payment) -> Option<Operation> {
        self.operations.get(&payment.operation()).filter(|operation| operation.is_open()).cloned()
    }

    pub(crate) fn apply(&mut self, step: &Step, is_stale: bool, request: Option<(u8, &str)>) -> Expected {
        if let Some((id, content)) = request
            && let Some((asked, key)) = self.requests.get(&id)
        {
            return if asked == content {
                Expected::Applied(Applied::Before(*key))
            } else {
                Expected::Reused
            };
        }
        if is_stale {
            return Expected::Stale;
        }
        let (payment, book) = (&step.payment, step.payment.book().to_string());
        let version = self.versions.entry(book.clone()).or_default();
        *version += 1;
        if let Some(transfer) = step.transfer {
            self.entries.entry(book).or_default().push(Entry { version: *version, transfer });
        }
        for operation in step.settled.iter().chain(&step.opened) {
            self.operations.insert(operation.key, operation.clone());
        }
        if let Some((id, content)) = request {
            self.requests.insert(id, (content.to_owned(), payment.operation()));
        }
        self.payments.insert(payment.id, payment.clone());
        self.events += 1;
        Expected::Applied(Applied::Now { version: *version })
    }

    /// What the provider's own book would say of the payment, from nothing but the operations and how they
    /// ended.
    fn balance(&self, payment: &Payment) -> Balance {
        let of = |kind, outcome: Option<Outcome>| -> i128 {
            let all = self.operations.values().filter(|operation| operation.key.payment == payment.id);
            let matching = all.filter(|operation| operation.kind == kind && operation.outcome == outcome);
            matching.map(|operation| i128::from(operation.amount.minor())).sum()
        };
        let settled = Some(Outcome::Settled);
        let captured = of(OperationKind::Capture, settled.clone());
        let is_released = captured > 0 || of(OperationKind::Void, settled.clone()) > 0;
        Balance {
            held: if is_released { 0 } else { of(OperationKind::Authorize, settled.clone()) },
            captured,
            refunding: of(OperationKind::Refund, None),
            refunded: of(OperationKind::Refund, settled),
        }
    }

    /// Everything that can be asked is answered as the model answers, and the books are right.
    pub(crate) async fn compare(&self, store: &dyn PaymentStore) {
        for payment in self.payments.values() {
            let (open, version) = (self.open(payment), self.version(payment.book()));
            let expected = Standing { payment: payment.clone(), open, version };
            assert_eq!(store.payment(payment.id).await.unwrap(), Some(expected));
            let counted = self.balance(payment);
            assert_eq!(payment.balance, counted, "{payment:?}");
            assert!(counted.captured + counted.held <= i128::from(payment.amount.minor()));
            assert!(counted.refunded + counted.refunding <= counted.captured);
        }
        let open = self.operations.values().filter(|operation| operation.is_open()).cloned();
        let (given_up, open): (Vec<_>, Vec<_>) =
            open.partition(|open| self.payments[&open.key.payment].state == State::NeedsReconciliation);
        assert_eq!(store.open_operations(None, 1_000).await.unwrap(), open);
        assert_eq!(store.given_up(None, 1_000).await.unwrap(), given_up);
        for operation in self.operations.values() {
            assert_eq!(store.operation(operation.key).await.unwrap().as_ref(), Some(operation));
        }
        for who in [1, 2] {
            let mine = self.payments.values().rev().filter(|payment| payment.user == user(who));
            assert_eq!(
                store.payments(user(who), None, 1_000).await.unwrap(),
                mine.cloned().collect::<Vec<_>>()
            );
        }
        self.compare_lapses(store).await;
        for book in books() {
            self.compare_book(store, book).await;
        }
        for id in 0..4_u8 {
            let unasked = request(&id.to_string(), "content that nobody asked for").unwrap();
            assert_eq!(store.recall(&unasked).await.is_err(), self.requests.contains_key(&id));
        }
    }

    async fn compare_lapses(&self, store: &dyn PaymentStore) {
        let held = self.payments.values().filter(|payment| payment.state == State::Authorized);
        let mut due: Vec<_> = held.map(|payment| (payment.expires, payment.id)).collect();
        due.sort();
        let end = service_kit::clock::UnixMillis(u64::MAX);
        let due: Vec<_> = due.into_iter().map(|(_, id)| id).collect();
        assert_eq!(store.lapsed(end, 1_000).await.unwrap(), due);
    }

    async fn compare_book(&self, store: &dyn PaymentStore, id: BookId) {
        let entries = store.entries(id, 0, 10_000).await.unwrap();
        assert_eq!(entries, self.entries.get(&id.to_string()).cloned().unwrap_or_default());
        let (mut ledger, mut accounts) = (Ledger::new(id.currency), BTreeMap::<Account, i128>::new());
        for Entry { transfer, .. } in entries {
            ledger.push(transfer).unwrap();
            if matches!(transfer.phase(), Phase::Post(_)) {
                let amount = i128::from(transfer.amount().minor());
                *accounts.entry(transfer.debit()).or_default() -= amount;
                *accounts.entry(transfer.credit()).or_default() += amount;
            }
        }
        let balance = ledger.balance();
        let expected = Book { id, version: self.version(id), balance };
        assert_eq!(store.book(id).await.unwrap(), expected, "a balance is what its transfers add up to");
        assert_eq!(accounts.values().sum::<i128>(), 0);
        let merchant = accounts.get(&Account::Merchant).copied().unwrap_or_default();
        assert_eq!(balance.posted(Account::Merchant), merchant);
        let payments = self.payments.values().filter(|payment| payment.book() == id);
        let available: i128 = payments.map(|payment| self.balance(payment).available()).sum();
        assert_eq!(balance.available(), available);
    }
}
