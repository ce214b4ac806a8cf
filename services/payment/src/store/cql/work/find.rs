//! Finding work.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use service_kit::clock::UnixMillis;

use super::{
    GRACE,
    item::{Kind, Work},
    rows::{Row, Rows},
    slices::first_open,
    tidy::Heap,
};
use crate::{
    domain::{Operation, PaymentId, ProviderKey},
    store::{
        StoreError,
        cql::{Shared, book::Kept, keys::unknown_key},
    },
};

/// Rows compared with their payments at once.
const COMPARING: usize = 16;

/// Above every key.
const END: [u8; 33] = [0xff; 33];

/// What a row is worth.
enum Worth {
    /// It is to be done.
    Due(Box<Kept>),
    /// It was done, or something else came of the payment's version.
    Stale,
    /// Its commit has not happened, and may.
    Early,
}

impl Shared {
    /// Up to `limit` operations of a kind of work, in the order of their keys.
    pub(in crate::store::cql) async fn work_of_operations(
        &self,
        kind: Kind,
        after: Option<ProviderKey>,
        limit: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        let after = after
            .map(|key| Work { kind, payment: key.payment, at: u64::from(key.seq), version: u64::MAX }.sort());
        let end = UnixMillis(u64::MAX);
        let found = self.find(kind, after.unwrap_or_default(), (end, &END), limit).await?;
        let newest = found.into_iter().map(|kept| kept.newest.ok_or_else(|| unknown_key().into()));
        newest.collect()
    }

    /// Up to `limit` authorizations to be released by `now`, the longest overdue first.
    pub(in crate::store::cql) async fn lapsed(
        &self,
        now: UnixMillis,
        limit: usize,
    ) -> Result<Vec<PaymentId>, StoreError> {
        let mut last = now.0.to_be_bytes().to_vec();
        last.extend_from_slice(&END);
        // What was filed late is in the minute in which that was done, by a clock that may be ahead of this one.
        let until = now.max(self.clock.now()).after(GRACE);
        let found = self.find(Kind::Lapse, Vec::new(), (until, &last), limit).await?;
        Ok(found.into_iter().map(|kept| kept.payment.id).collect())
    }

    /// Up to `limit` payments that have work of this kind, from the one above the key `after`, filed in minutes
    /// up to `until`, up to the key `last`.
    async fn find(
        &self,
        kind: Kind,
        mut after: Vec<u8>,
        (until, last): (UnixMillis, &[u8]),
        limit: usize,
    ) -> Result<Vec<Kept>, StoreError> {
        let now = self.clock.now();
        let is_whole = after.is_empty();
        let slices = self.slices_of(kind, until).await?;
        let (mut found, mut heap, mut is_first) = (Vec::new(), Heap::default(), true);
        while found.len() < limit {
            let Rows { rows, is_cut, used } =
                self.rows_of_work(kind, &slices, (&after, last), limit - found.len()).await?;
            if is_whole && std::mem::take(&mut is_first) {
                heap.floor = floor(kind, &slices, |slice| used.contains(&slice), now);
            }
            if let Some(row) = rows.last() {
                after = row.work.sort();
            }
            let worths = stream::iter(rows)
                .map(|row| async { Ok::<_, StoreError>((self.worth(&row).await?, row)) })
                .buffered(COMPARING)
                .try_collect::<Vec<_>>()
                .await?;
            for (worth, row) in worths {
                match worth {
                    Worth::Due(kept) => {
                        heap.due(row, now);
                        found.push(*kept);
                    }
                    Worth::Stale => heap.stale(row),
                    Worth::Early => heap.early(row, now),
                }
            }
            if !is_cut {
                break;
            }
        }
        self.tidy(kind, heap).await;
        Ok(found)
    }

    async fn worth(&self, row: &Row) -> Result<Worth, StoreError> {
        let Some(kept) = self.kept_one(row.book, row.work.payment).await? else { return Ok(Worth::Early) };
        Ok(if Work::of(&kept.payment) == Some(row.work) {
            Worth::Due(Box::new(kept))
        } else if kept.payment.version < row.work.version {
            Worth::Early
        } else {
            Worth::Stale
        })
    }
}

/// The first slice that must be read next time, when these were read from the floor on. Slices that may still get
/// rows, and those in which something was found, are.
fn floor(kind: Kind, slices: &[i64], is_used: impl Fn(i64) -> bool, now: UnixMillis) -> Option<i64> {
    let open = first_open(now);
    let first_used = slices.iter().copied().find(|slice| is_used(*slice));
    (kind != Kind::GivenUp).then(|| first_used.map_or(open, |used| used.min(open)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_rises_to_what_is_used_or_may_be() {
        // The first minute that may still get rows is the tenth.
        let now = UnixMillis(10 * 60_000 + 75_000);
        let floor =
            |slices: &[i64], used: &[i64]| floor(Kind::Open, slices, |slice| used.contains(&slice), now);
        assert_eq!(floor(&[], &[]), Some(10));
        assert_eq!(floor(&[7, 8, 9], &[]), Some(10));
        assert_eq!(floor(&[7, 8, 9], &[8]), Some(8));
        assert_eq!(floor(&[7, 8, 9, 10, 11], &[11]), Some(10));
        assert_eq!(super::floor(Kind::GivenUp, &[0], |_| false, now), None);
    }
}
