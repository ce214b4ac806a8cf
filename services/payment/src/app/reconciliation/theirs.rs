//! What the provider lists, against our operations.

use super::{
    FindingKind, Inner, Report,
    pages::Pages,
    seen::Seen,
    verdict::{Verdict, must_be_known, verdict},
};
use crate::{
    domain::{Operation, ProviderKey},
    error::Error,
    provider::{Transaction, Unreadable},
};

impl Inner {
    /// Compares every transaction of the provider with ours, and takes up what has ended there and is open here.
    /// What is answered are the keys of all that were compared with an operation that has ended.
    pub(super) async fn compare_theirs(&self, report: &mut Report) -> Result<Seen, Error> {
        let (mut seen, mut pages) = (Seen::new(), Pages::new(&*self.provider));
        while let Some(page) = pages.next().await? {
            let mut open = Vec::new();
            for transaction in page.transactions {
                report.transactions += 1;
                open.extend(self.compare_one(transaction, &mut seen, report).await?);
            }
            for unreadable in page.unreadable {
                report.transactions += 1;
                self.tell_unreadable(unreadable, &mut seen, report).await?;
            }
            self.heal(open, report).await?;
        }
        Ok(seen)
    }

    /// Compares one; answers the key of an operation that can be taken up.
    async fn compare_one(
        &self,
        theirs: Transaction,
        seen: &mut Seen,
        report: &mut Report,
    ) -> Result<Option<ProviderKey>, Error> {
        let Some(ours) = self.ours(&theirs.key).await? else {
            let description = format!("{:?} of {} that nobody asked for", theirs.kind, theirs.amount);
            report.find(FindingKind::MissingHere, &theirs.key, description);
            return Ok(None);
        };
        if must_be_known(&ours) {
            seen.add(ours.key);
        }
        match verdict(&ours, &theirs) {
            Verdict::Agree => Ok(None),
            Verdict::Open => Ok(Some(ours.key)),
            // It was pending when the list was read, and ours has ended since.
            Verdict::Late => self.ask_about(&ours, report).await.map(|()| None),
            Verdict::Differ(kind, description) => {
                report.find(kind, &theirs.key, description);
                Ok(None)
            }
        }
    }

    /// Tells of one that says nothing that can be compared. It is there, so it is not looked up once more.
    async fn tell_unreadable(
        &self,
        Unreadable { key, why }: Unreadable,
        seen: &mut Seen,
        report: &mut Report,
    ) -> Result<(), Error> {
        let ours = self.ours(&key).await?;
        if let Some(ours) = ours.as_ref().filter(|ours| must_be_known(ours)) {
            seen.add(ours.key);
        }
        let kind = if ours.is_some() { FindingKind::StateMismatch } else { FindingKind::MissingHere };
        report.find(kind, &key, format!("listed there, but it cannot be read: {why}"));
        Ok(())
    }

    /// Our operation of this name, whatever text it is.
    async fn ours(&self, key: &str) -> Result<Option<Operation>, Error> {
        match key.parse::<ProviderKey>() {
            Ok(key) => Ok(self.books.store().operation(key).await?),
            Err(_) => Ok(None),
        }
    }
}
