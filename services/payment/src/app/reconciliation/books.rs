//! Our books against themselves.

use super::{FindingKind, Inner, Report, seen::Seen};
use crate::{
    domain::{Account, Balance, BookId, Direction, Ledger, LedgerError, Phase, Transfer},
    error::Error,
    store::Book,
};

/// Books read at once.
const BOOKS: usize = 100;

/// Entries read at once.
pub(super) const ENTRIES: usize = 1_000;

impl Inner {
    /// Adds up every book, and then proves what was asked for by what was met in them.
    pub(super) async fn prove_books(&self, report: &mut Report) -> Result<(), Error> {
        let (mut entered, mut after) = (Seen::new(), None);
        loop {
            let page = self.books.store().books(after, BOOKS).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for book in &page {
                self.prove_book(book, &mut entered, report).await?;
            }
        }
        self.prove_asked(entered, report).await
    }

    /// Adds up the entries that made the book what it was when it was read, and compares.
    async fn prove_book(&self, book: &Book, entered: &mut Seen, report: &mut Report) -> Result<(), Error> {
        let (mut proof, mut after, mut is_last) = (Proof::new(book.id), 0, false);
        report.books += 1;
        while !is_last {
            let mut page = self.books.store().entries(book.id, after, ENTRIES).await?;
            is_last = page.len() < ENTRIES || page.last().is_none_or(|entry| entry.version > book.version);
            // What came after the book was read is in no balance that was read.
            page.retain(|entry| entry.version <= book.version);
            for entry in &page {
                after = entry.version;
                report.entries += 1;
                if let Err(why) = proof.push(entry.transfer) {
                    wrong(book.id, format!("entry {}: {why}", entry.version), report);
                }
            }
            self.tie(book.id, page, entered, report).await?;
        }
        report.add(book.id.currency, &proof.ledger.balance());
        for what in proof.compare(&book.balance) {
            wrong(book.id, what, report);
        }
        Ok(())
    }
}

pub(super) fn wrong(book: BookId, what: String, report: &mut Report) {
    report.find(FindingKind::BookWrong, &book.to_string(), what);
}

/// A book, added up in two ways: as the ledger's rules have it, and account by account.
struct Proof {
    ledger: Ledger,
    customer: i128,
    merchant: i128,
    /// An entry did not fit: then nothing after it can be added up.
    is_broken: bool,
}

impl Proof {
    fn new(book: BookId) -> Self {
        Self { ledger: Ledger::new(book.currency), customer: 0, merchant: 0, is_broken: false }
    }

    /// The next entry; why it is the first that does not fit, if so.
    fn push(&mut self, transfer: Transfer) -> Result<(), LedgerError> {
        if self.is_broken {
            return Ok(());
        }
        let added = self.ledger.push(transfer);
        self.is_broken = added.is_err();
        added?;
        if matches!(transfer.phase(), Phase::Post(_)) {
            let amount = i128::from(transfer.amount().minor());
            *self.account(transfer.debit()) -= amount;
            *self.account(transfer.credit()) += amount;
        }
        Ok(())
    }

    fn account(&mut self, account: Account) -> &mut i128 {
        match account {
            Account::Customer => &mut self.customer,
            Account::Merchant => &mut self.merchant,
        }
    }

    /// What is wrong with the balance that is kept.
    fn compare(&self, kept: &Balance) -> Vec<String> {
        let (sum, mut wrong) = (self.ledger.balance(), Vec::new());
        if self.is_broken {
            return wrong;
        }
        if sum != *kept {
            wrong.push(format!("the balance is {} and the entries add up to {}", told(kept), told(&sum)));
        }
        if self.customer + self.merchant != 0 || self.merchant != sum.posted(Account::Merchant) {
            wrong.push(format!("the accounts are {} and {}", self.customer, self.merchant));
        }
        let reserved = |direction| -> i128 {
            let pending = self.ledger.pending().values();
            let pending = pending.filter(|transfer| transfer.direction() == direction);
            pending.map(|transfer| i128::from(transfer.amount().minor())).sum()
        };
        let (held, refunding) = (reserved(Direction::Charge), reserved(Direction::Refund));
        if (held, refunding) != (sum.held, sum.refunding) {
            wrong.push(format!("{held} is pending from the customer, {refunding} to the customer"));
        }
        let parts = [sum.held, sum.captured, sum.refunding, sum.refunded, sum.available()];
        if parts.iter().any(|part| *part < 0) {
            wrong.push(format!("something is below zero: {}", told(&sum)));
        }
        wrong
    }
}

/// The balance, for a person.
pub(super) fn told(balance: &Balance) -> String {
    let Balance { held, captured, refunding, refunded } = balance;
    format!("(held {held}, captured {captured}, refunding {refunding}, refunded {refunded})")
}
