//! In which minutes there may be work.

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use scylla::value::CqlValue;
use service_kit::{
    clock::UnixMillis,
    cql::{Cas, CqlError},
};

use super::{
    GRACE,
    item::{Filed, Kind, Work},
};
use crate::{domain::Step, store::cql::Shared};

/// The code of the days on which there were payments, beside the kinds of work.
pub(in crate::store::cql) const DAYS: i8 = 4;

const MINUTE_MS: u64 = 60_000;

/// Slices that are remembered to be in the directory; beyond that all are forgotten, and written once more.
const KNOWN_MAX: usize = 4_096;

/// What this process knows of the slices; the cluster knows no less.
#[derive(Debug)]
pub(in crate::store::cql) struct Slices {
    known: Mutex<HashSet<(i8, i64)>>,
    open: AtomicI64,
    lapses: AtomicI64,
}

/// No floor was read yet.
const UNREAD: i64 = i64::MIN;

impl Default for Slices {
    fn default() -> Self {
        Self { known: Mutex::default(), open: AtomicI64::new(UNREAD), lapses: AtomicI64::new(UNREAD) }
    }
}

/// The minute of a time.
pub(super) fn minute(at: UnixMillis) -> i64 {
    i64::try_from(at.0 / MINUTE_MS).unwrap_or(i64::MAX)
}

/// The first minute that may still get rows.
pub(super) fn first_open(now: UnixMillis) -> i64 {
    let grace = u64::try_from(GRACE.as_millis()).unwrap_or(u64::MAX);
    minute(UnixMillis(now.0.saturating_sub(grace)))
}

impl Slices {
    /// Files the work that there is after the step.
    pub(in crate::store::cql) fn file(&self, step: &Step, now: UnixMillis) -> Option<Filed> {
        let work = Work::of(&step.payment)?;
        Some(self.place(work, step.payment.book(), now))
    }

    /// Files work, now or again.
    pub(super) fn place(&self, work: Work, book: crate::domain::BookId, now: UnixMillis) -> Filed {
        let slice = match work.kind {
            Kind::Open => minute(now),
            // Given up is little, and it stays: its one slice is never over.
            Kind::GivenUp => 0,
            Kind::Lapse => minute(now.max(UnixMillis(work.at))),
        };
        // A clock that is far behind must not file where nobody looks any more.
        let floor = self.floor(work.kind).map_or(slice, |floor| floor.load(Ordering::SeqCst));
        Filed { work, book, slice: slice.max(floor) }
    }

    fn floor(&self, kind: Kind) -> Option<&AtomicI64> {
        match kind {
            Kind::Open => Some(&self.open),
            Kind::GivenUp => None,
            Kind::Lapse => Some(&self.lapses),
        }
    }

    fn is_known(&self, code: i8, slice: i64) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&(code, slice))
    }

    fn know(&self, code: i8, slice: i64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert((code, slice));
    }
}

impl Shared {
    /// Puts a slice into the directory, before anything is put into the slice.
    pub(in crate::store::cql) async fn open_slice(&self, code: i8, slice: i64) -> Result<(), CqlError> {
        if self.slices.is_known(code, slice) || code == Kind::GivenUp.code() {
            return Ok(());
        }
        self.cql.write(&self.statements.put_slice, (code, slice)).await?;
        self.slices.know(code, slice);
        Ok(())
    }

    /// The slices of a code from `first` to `last`, in order.
    pub(in crate::store::cql) async fn slices(
        &self,
        code: i8,
        first: i64,
        last: i64,
    ) -> Result<Vec<i64>, CqlError> {
        let rows: Vec<(i64,)> = self.read(&self.statements.slices, (code, first, last)).await?;
        Ok(rows.into_iter().map(|(slice,)| slice).collect())
    }

    /// The slices in which work of a kind may be, up to the one of the time `until`.
    pub(super) async fn slices_of(&self, kind: Kind, until: UnixMillis) -> Result<Vec<i64>, CqlError> {
        let Some(floor) = self.slices.floor(kind) else { return Ok(vec![0]) };
        if floor.load(Ordering::SeqCst) == UNREAD {
            floor.fetch_max(self.read_floor(kind).await?.unwrap_or(0), Ordering::SeqCst);
        }
        self.slices(kind.code(), floor.load(Ordering::SeqCst), minute(until)).await
    }

    /// Nothing below `floor` is read any more. Whoever does not hear of it reads a little more, that is all.
    pub(super) async fn raise_floor(&self, kind: Kind, floor: i64) -> Result<(), CqlError> {
        let Some(known) = self.slices.floor(kind) else { return Ok(()) };
        if known.fetch_max(floor, Ordering::SeqCst) >= floor {
            return Ok(());
        }
        let mut kept = self.read_floor(kind).await?;
        while kept.is_none_or(|kept| kept < floor) {
            let (code, statements) = (kind.code(), &self.statements);
            let raised = match kept {
                None => self.cql.cas(&statements.first_floor, (code, floor)).await?,
                Some(kept) => self.cql.cas(&statements.raise_floor, (floor, code, kept)).await?,
            };
            match raised {
                Cas::Applied => return Ok(()),
                Cas::Refused(row) => {
                    let Some(CqlValue::BigInt(other)) = row.get("floor") else { return Ok(()) };
                    kept = Some(*other);
                }
            }
        }
        Ok(())
    }

    async fn read_floor(&self, kind: Kind) -> Result<Option<i64>, CqlError> {
        let rows: Vec<(i64,)> = self.read(&self.statements.floor, (kind.code(),)).await?;
        Ok(rows.first().map(|(floor,)| *floor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_over_after_its_grace() {
        let grace = u64::try_from(GRACE.as_millis()).unwrap();
        let end = 10 * MINUTE_MS + grace;
        assert_eq!((first_open(UnixMillis(end - 1)), first_open(UnixMillis(end))), (9, 10));
        assert_eq!(first_open(UnixMillis(0)), 0);
    }
}
