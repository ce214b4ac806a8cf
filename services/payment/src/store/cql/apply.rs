//! One commit: read, judge, point, commit.

use std::time::Duration;

use service_kit::{
    cql::commit::{Draft, Outcome, Recalled},
    requests::Request,
};
use tokio::time::{Instant, sleep};

use super::{
    Shared, answer,
    book::{Kept, Seen},
    keys::book_key,
    work::{FILED_WITHIN, Filed},
};
use crate::{
    domain::{Before, BookId, Broken, Operation},
    store::{Applied, Commit, StoreError, judge, records::encode_key},
};

/// How often a commit is tried that only fences, and no other commits, came before.
const ATTEMPTS: u32 = 8;

/// The longest wait before the second attempt, doubled with each one.
const PAUSE: Duration = Duration::from_millis(2);

impl Shared {
    pub(super) async fn apply(
        &self,
        book: BookId,
        expected: u64,
        commit: &Commit,
    ) -> Result<Applied, StoreError> {
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                sleep((PAUSE * 2_u32.pow(attempt)).mul_f64(rand::random())).await;
            }
            if let Some(applied) = self.attempt(book, expected, commit).await? {
                return Ok(applied);
            }
        }
        Err(StoreError::Stale)
    }

    /// One attempt; nothing when something came first, and the book must be read again.
    async fn attempt(
        &self,
        book: BookId,
        expected: u64,
        commit: &Commit,
    ) -> Result<Option<Applied>, StoreError> {
        let (step, started, now) = (&commit.step, Instant::now(), self.clock.now());
        let pending = step.transfer.map(|transfer| transfer.resolves().unwrap_or(transfer.operation()));
        let newest = step.payment.operation();
        // Before the pointers are written: whoever clears away one that points to nothing fences the book first,
        // and so must catch this commit.
        let seen = self.seen(book, step.payment.id, pending.unwrap_or(newest)).await?;
        let balance = match judged(&seen, expected, commit) {
            Ok(balance) => balance,
            Err(refusal) => return self.unless_answered(commit.request.as_ref(), refusal).await.map(Some),
        };
        let filed = self.slices.file(step, now);
        let pointers = self.pointers(step, filed.as_ref()).await?;
        let request = commit.request.clone().map(|request| (request, encode_key(newest)));
        let draft = Draft { key: book_key(book), event: commit.event.clone(), request };
        let intended = self.commits.intend(draft, seen.rev, pointers).await?;
        let recalled = async {
            match commit.request {
                Some(_) => Ok(self.commits.check_request(&intended).await?),
                None => Ok(Recalled::New),
            }
        };
        let taken = async { Ok(seen.payment.is_none() && self.is_taken(book, step.payment.id).await?) };
        let (recalled, is_taken) = tokio::try_join!(recalled, taken).map_err(|error: StoreError| error)?;
        let decided = match answer(recalled) {
            Ok(None) if is_taken => Err(StoreError::Broken(Broken::NotTheNext)),
            Ok(None) => Ok(None),
            Ok(Some(key)) => Ok(Some(Applied::Before(key))),
            Err(refusal) => Err(refusal),
        };
        // By both clocks: one stands still while the machine sleeps, the other one can be set.
        let is_late = started.elapsed() >= FILED_WITHIN || self.clock.now() >= now.after(FILED_WITHIN);
        if is_late || !matches!(decided, Ok(None)) {
            self.commits.abandon(intended).await;
            return decided;
        }
        let version = seen.book.version + 1;
        let rows = self.rows(&seen, step, version, &balance, filed.as_ref());
        match self.commits.commit(intended, rows).await? {
            Outcome::Moved => Ok(None),
            Outcome::Committed { .. } => {
                if let Some(done) = seen.payment.as_ref().and_then(Filed::of) {
                    self.drop_work(&done.place()).await;
                }
                Ok(Some(Applied::Now { version }))
            }
        }
    }

    /// The refusal, unless the request was answered before: then it does not matter what the book is like now.
    async fn unless_answered(
        &self,
        request: Option<&Request>,
        refusal: StoreError,
    ) -> Result<Applied, StoreError> {
        let Some(request) = request else { return Err(refusal) };
        match answer(self.commits.recall(request).await?)? {
            Some(key) => Ok(Applied::Before(key)),
            None => Err(refusal),
        }
    }
}

/// The book's balance after the commit, if the commit follows from what was seen.
fn judged(seen: &Seen, expected: u64, commit: &Commit) -> Result<crate::domain::Balance, StoreError> {
    judge::is_current(seen.book.version, expected)?;
    let kept = seen.payment.as_ref();
    let open =
        kept.and_then(|kept: &Kept| kept.newest.as_ref()).filter(|newest: &&Operation| newest.is_open());
    let before = Before {
        book: seen.book.id,
        balance: seen.book.balance,
        payment: kept.map(|kept| &kept.payment),
        open,
        // The pending transfer of the operation that is read where there is no transfer is nobody's business.
        pending: commit.step.transfer.as_ref().and(seen.pending.as_ref()),
    };
    judge::balance_after(&commit.step, &before)
}
