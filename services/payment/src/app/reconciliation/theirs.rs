//! What the provider lists, against our operations.

use super::{
    FindingKind, Inner, Report,
    seen::Seen,
    verdict::{Verdict, must_be_known, verdict},
};
use crate::{
    domain::ProviderKey,
    error::Error,
    provider::{ProviderError, Transaction},
};

impl Inner {
    /// Compares every transaction of the provider with ours, and takes up what has ended there and is open here.
    /// What is answered are the keys of all that were compared with an operation that has ended.
    pub(super) async fn compare_theirs(&self, report: &mut Report) -> Result<Seen, Error> {
        let (mut seen, mut cursor) = (Seen::new(), None);
        loop {
            let page = self.provider.list(cursor.clone()).await?;
            let mut open = Vec::new();
            for transaction in page.transactions {
                report.transactions += 1;
                open.extend(self.compare_one(transaction, &mut seen, report).await?);
            }
            self.heal(open, report).await?;
            if page.next.is_some() && page.next == cursor {
                let why = "the provider lists the same page for ever";
                return Err(ProviderError::Unknown(why.into()).into());
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(seen);
            }
        }
    }

    /// Compares one; answers the key of an operation that can be taken up.
    async fn compare_one(
        &self,
        theirs: Transaction,
        seen: &mut Seen,
        report: &mut Report,
    ) -> Result<Option<ProviderKey>, Error> {
        let key = theirs.key.parse::<ProviderKey>().ok();
        let ours = match key {
            Some(key) => self.books.store().operation(key).await?,
            None => None,
        };
        let Some(ours) = ours else {
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
}
