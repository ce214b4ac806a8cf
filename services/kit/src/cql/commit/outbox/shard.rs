//! One shard as its sweeper knows it: which buckets are still open, and when to look at each.

use std::{collections::BTreeMap, time::Duration};

use fail::fail_point;

use crate::{
    clock::UnixMillis,
    cql::commit::place::{bucket_end, buckets_in},
};

/// How far two instances' clocks may be apart.
pub(super) const SKEW: Duration = Duration::from_secs(10);
/// How long an intent's write may take beyond the age at which its commit may still be sent.
const WRITE: Duration = Duration::from_secs(5);
/// How long after its end a bucket is looked at as often as one that is being filled.
const SETTLING: Duration = Duration::from_secs(2);
/// Rows cost a millisecond each until their bucket is looked at again, so that looking is a small part of the load.
const PAUSE_MAX_MS: usize = 5_000;
/// No look is planned this far ahead; one that is was planned before the clock was set back.
const PLAN_MAX: Duration = Duration::from_secs(300);
/// Buckets that are added at once, after a long time in which nobody swept.
const ADDED_MAX: i32 = 4_096;

/// A shard whose lease is this instance's.
#[derive(Debug)]
pub(super) struct Shard {
    /// The lease's epoch: whoever holds another one holds another lease.
    pub(super) epoch: i64,
    /// Open buckets, and when to look at each again.
    open: BTreeMap<i32, UnixMillis>,
    /// Every bucket before this one was opened.
    frontier: i32,
}

/// What a look at a bucket found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) rows: usize,
    pub(super) unmarked: usize,
    /// Of the unmarked, those that are old enough to be swept.
    pub(super) ripe: usize,
}

/// How long after its end a bucket closes: no intent can come into it any more that will be committed, since a commit
/// is sent within `commit_within` of its intent's bucket being computed.
pub(super) fn grace(commit_within: Duration) -> Duration {
    commit_within + SKEW + WRITE
}

impl Shard {
    pub(super) fn new(epoch: i64, cursor: i32) -> Self {
        Self { epoch, open: BTreeMap::new(), frontier: cursor }
    }

    /// The first bucket that may hold an intent without a mark.
    pub(super) fn cursor(&self) -> i32 {
        self.open.first_key_value().map_or(self.frontier, |(bucket, _)| *bucket)
    }

    pub(super) fn is_closed(&self, bucket: i32) -> bool {
        bucket < self.frontier && !self.open.contains_key(&bucket)
    }

    /// Opens the buckets up to this one.
    pub(super) fn open_until(&mut self, bucket: i32) {
        let end = bucket.saturating_add(1).min(self.frontier.saturating_add(ADDED_MAX));
        self.open.extend((self.frontier..end).map(|bucket| (bucket, UnixMillis(0))));
        self.frontier = self.frontier.max(end);
    }

    /// Opens a bucket that was closed too early.
    pub(super) fn reopen(&mut self, bucket: i32) {
        self.open.insert(bucket, UnixMillis(0));
    }

    /// The buckets to look at now; all that are open, if `all`.
    pub(super) fn due(&self, now: UnixMillis, all: bool) -> impl Iterator<Item = i32> {
        let is_due = move |at: UnixMillis| all || at <= now || at > now.after(PLAN_MAX);
        self.open.iter().filter(move |(_, at)| is_due(**at)).map(|(bucket, _)| *bucket)
    }

    /// Notes what a look found that began at `now`: the bucket closes, or is looked at again later.
    pub(super) fn found(&mut self, bucket: i32, now: UnixMillis, found: Found, commit_within: Duration) {
        let end = bucket_end(bucket);
        let closing = end.after(grace(commit_within));
        let may_close = now >= closing || (closes_at_its_end() && now >= end);
        if found.unmarked == 0 && may_close {
            self.open.remove(&bucket);
            return;
        }
        let pause = Duration::from_millis(found.rows.min(PAUSE_MAX_MS) as u64);
        let next = if found.ripe > 0 {
            now
        } else if found.unmarked > 0 || now < end.after(SETTLING) {
            now.after(pause).min(closing.max(now))
        } else {
            // Everything has its mark, and what comes late can wait for the last look.
            closing
        };
        self.open.insert(bucket, next);
    }
}

/// The first cursor of a shard: the intents of an instance whose clock is behind are in front of it.
pub(in crate::cql::commit) fn first_cursor(now_bucket: i32) -> i32 {
    now_bucket.saturating_sub(buckets_in(2 * SKEW)).max(0)
}

/// Seeded bug, only with failpoints compiled in: a bucket is closed as soon as it has ended, although intents may
/// still come.
fn closes_at_its_end() -> bool {
    fail_point!("bug.cql-bucket-no-grace", |_| true);
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cql::commit::place::bucket_start;

    const D: Duration = Duration::from_secs(15);
    const CLEAN: Found = Found { rows: 7, unmarked: 0, ripe: 0 };

    fn after_end(bucket: i32, seconds: u64) -> UnixMillis {
        bucket_end(bucket).after(Duration::from_secs(seconds))
    }

    fn due(shard: &Shard, now: UnixMillis) -> Vec<i32> {
        shard.due(now, false).collect()
    }

    #[test]
    fn a_bucket_closes_after_its_grace_with_every_intent_marked() {
        let mut shard = Shard::new(1, 100);
        shard.open_until(100);
        assert_eq!((shard.cursor(), due(&shard, UnixMillis(0))), (100, vec![100]));
        shard.found(100, after_end(100, 29), CLEAN, D);
        assert!(!shard.is_closed(100));
        let unmarked = Found { unmarked: 1, ripe: 1, ..CLEAN };
        shard.found(100, after_end(100, 30), unmarked, D);
        assert!(!shard.is_closed(100));
        shard.found(100, after_end(100, 30), CLEAN, D);
        assert!(shard.is_closed(100));
        assert_eq!(shard.cursor(), 101);
    }

    #[test]
    fn a_clean_bucket_is_looked_at_while_it_fills_after_it_ended_and_before_it_closes() {
        let mut shard = Shard::new(1, 100);
        shard.open_until(100);
        let start = bucket_start(100);
        shard.found(100, start, CLEAN, D);
        assert!(due(&shard, start).is_empty());
        assert_eq!(due(&shard, UnixMillis(start.0 + 7)), [100], "a millisecond for each row");
        shard.found(100, after_end(100, 2), CLEAN, D);
        assert!(due(&shard, after_end(100, 29)).is_empty());
        assert_eq!(due(&shard, after_end(100, 30)), [100]);
        assert_eq!(shard.due(after_end(100, 3), true).collect::<Vec<_>>(), [100]);
    }

    #[test]
    fn a_bucket_with_something_to_publish_is_always_due() {
        let mut shard = Shard::new(1, 100);
        shard.open_until(100);
        let now = after_end(100, 5);
        shard.found(100, now, Found { rows: 9_000, unmarked: 9, ripe: 1 }, D);
        assert_eq!(due(&shard, now), [100]);
        shard.found(100, now, Found { rows: 9_000, unmarked: 9, ripe: 0 }, D);
        assert!(due(&shard, now).is_empty());
        assert_eq!(due(&shard, now.after(Duration::from_secs(5))), [100]);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_the_sweep() {
        let mut shard = Shard::new(1, 100);
        shard.open_until(100);
        shard.found(100, after_end(100, 2), CLEAN, D);
        assert_eq!(due(&shard, bucket_start(10)), [100]);
    }

    #[test]
    fn a_long_absence_is_made_up_for_piece_by_piece() {
        let mut shard = Shard::new(1, 0);
        shard.open_until(10_000);
        assert_eq!((shard.open.len(), shard.frontier), (4_096, 4_096));
        shard.open_until(10_000);
        shard.open_until(10_000);
        assert_eq!((shard.open.len(), shard.frontier), (10_001, 10_001));
        shard.open_until(9_000);
        assert_eq!(shard.frontier, 10_001);
    }

    #[test]
    fn a_bucket_that_was_closed_too_early_is_opened_again() {
        let mut shard = Shard::new(1, 100);
        assert!(shard.is_closed(40));
        shard.reopen(40);
        assert_eq!((shard.cursor(), due(&shard, UnixMillis(0))), (40, vec![40]));
    }
}
