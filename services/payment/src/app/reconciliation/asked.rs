//! What was asked for: every payment against its operations, and every operation against the entries.

use std::collections::{BTreeMap, HashMap};

use super::{
    FindingKind, Inner, Report,
    books::{ENTRIES, told, wrong},
    entries::{self, decides, is_entered},
    seen::Seen,
};
use crate::{
    domain::{
        Balance, BookId, MAX_OPERATIONS, Operation, OperationKind, Outcome, Payment, PaymentId, ProviderKey,
    },
    error::Error,
};

/// Operations read at once.
const PAGE: usize = 1_000;

/// How often a payment that changes while it is read is read again; then a later run proves it.
const TRIES: u32 = 3;

impl Inner {
    /// Proves every payment by its operations, and that each operation which moved something is in its book once.
    /// `entered` are those whose entries were met.
    pub(super) async fn prove_asked(&self, mut entered: Seen, report: &mut Report) -> Result<(), Error> {
        let (mut of_one, mut after) = (Vec::<Operation>::new(), None);
        loop {
            let page = self.books.store().operations(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            for operation in page {
                if is_entered(&operation) && report.is_due(&operation) {
                    entered.take_off(operation.key);
                }
                if of_one.first().is_some_and(|first| first.key.payment != operation.key.payment) {
                    self.prove_payment(&of_one, report).await?;
                    of_one.clear();
                }
                of_one.push(operation);
            }
        }
        self.prove_payment(&of_one, report).await?;
        if entered.is_even() { Ok(()) } else { self.look_for_entries(&entered, report).await }
    }

    /// Compares a payment with its operations. These may be old by now, so what does not agree is read again.
    async fn prove_payment(&self, operations: &[Operation], report: &mut Report) -> Result<(), Error> {
        let Some(first) = operations.first() else { return Ok(()) };
        let id = first.key.payment;
        let Some(at) = self.books.store().payment(id).await? else {
            let what = format!("{}, but the payment is not there", entries::told(first));
            report.find(FindingKind::BookWrong, &first.key.to_string(), what);
            return Ok(());
        };
        if disagree(&at.payment, operations).is_none() {
            return Ok(());
        }
        for _ in 0..TRIES {
            let before = self.operations_of(id).await?;
            let payment = self.books.standing(id).await?.payment;
            // No operation began or ended in between, so the payment is as they say, or wrong.
            if self.operations_of(id).await? == before {
                if let Some(what) = disagree(&payment, &before) {
                    wrong(payment.book(), format!("payment {id}: {what}"), report);
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// All operations of a payment, as of one moment.
    async fn operations_of(&self, payment: PaymentId) -> Result<Vec<Operation>, Error> {
        let from = Some(ProviderKey { payment, seq: 0 });
        let most = usize::try_from(MAX_OPERATIONS).unwrap_or(usize::MAX);
        let mut operations = self.books.store().operations(from, most).await?;
        operations.retain(|operation| operation.key.payment == payment);
        Ok(operations)
    }

    /// Looks for the entry of each operation of which it is not known that there is one.
    async fn look_for_entries(&self, entered: &Seen, report: &mut Report) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.books.store().operations(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key);
            let mut missed = HashMap::<BookId, BTreeMap<ProviderKey, (Operation, u32)>>::new();
            for operation in page {
                let is_missed = is_entered(&operation) && !entered.is_even_about(operation.key);
                if !is_missed || !report.is_due(&operation) {
                    continue;
                }
                // One that is not there was found before.
                if let Some(at) = self.books.store().payment(operation.key.payment).await? {
                    let of_book = missed.entry(at.payment.book()).or_default();
                    of_book.insert(operation.key, (operation, 0));
                }
            }
            for (book, missed) in missed {
                self.look_for_entries_in(book, missed, report).await?;
            }
        }
    }

    async fn look_for_entries_in(
        &self,
        book: BookId,
        mut missed: BTreeMap<ProviderKey, (Operation, u32)>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut after = 0;
        loop {
            let page = self.books.store().entries(book, after, ENTRIES).await?;
            let Some(last) = page.last() else { break };
            after = last.version;
            for entry in page.iter().filter(|entry| decides(&entry.transfer)) {
                if let Some((_, count)) = missed.get_mut(&entry.transfer.operation()) {
                    *count += 1;
                }
            }
        }
        for (operation, count) in missed.into_values().filter(|(_, count)| *count != 1) {
            let told = entries::told(&operation);
            wrong(book, format!("{told}, has {count} entries instead of one"), report);
        }
        Ok(())
    }
}

/// What of the payment does not follow from its operations.
fn disagree(payment: &Payment, operations: &[Operation]) -> Option<String> {
    if usize::try_from(payment.operations).ok() != Some(operations.len()) {
        return Some(format!("it has {} operations, and {} are there", payment.operations, operations.len()));
    }
    if operations.iter().any(|operation| operation.amount.currency() != payment.amount.currency()) {
        return Some("an operation is of another currency".to_owned());
    }
    let (mut sum, mut authorized) = (Balance::default(), 0);
    for Operation { kind, amount, outcome, .. } in operations {
        let amount = i128::from(amount.minor());
        match (kind, outcome) {
            (OperationKind::Authorize, Some(Outcome::Settled)) => {
                authorized += amount;
                sum.held += amount;
            }
            (OperationKind::Capture, Some(Outcome::Settled)) => {
                sum.captured += amount;
                sum.held = 0;
            }
            (OperationKind::Void, Some(Outcome::Settled)) => sum.held = 0,
            (OperationKind::Refund, Some(Outcome::Settled)) => sum.refunded += amount,
            (OperationKind::Refund, None) => sum.refunding += amount,
            _ => {}
        }
    }
    if sum.captured > authorized || sum.available() < 0 {
        return Some(format!("of {authorized} authorized, its operations add up to {}", told(&sum)));
    }
    if sum != payment.balance {
        return Some(format!(
            "its balance is {} and its operations add up to {}",
            told(&payment.balance),
            told(&sum)
        ));
    }
    None
}
