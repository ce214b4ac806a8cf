//! Who holds a notification.

use std::{fmt, sync::Arc, time::Duration};

use service_kit::clock::UnixMillis;
use uuid::Uuid;

use super::row::Row;
use crate::store::HOLD_MAX;

/// How long others leave a held notification alone. Longer than a relay may take over a batch of mails and the store
/// to be told of it, and than the clocks of two instances may differ; what is held longer is sent twice, under the same
/// Message-ID.
pub(super) const LEASE: Duration = Duration::from_secs(120);

/// As long, from when a notification is taken on by whoever will send it: its try may begin later.
pub(super) const LEASE_OF_NEW: Duration = Duration::from_secs(LEASE.as_secs() + HOLD_MAX.as_secs());

/// Between an instance's name and its incarnation.
const SEPARATOR: char = '/';

/// An instance in one of its lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder(Arc<str>);

/// To whom a notification is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lease {
    /// To whoever asks: nobody holds it, or nobody does any more.
    Open,
    /// The instance of this name is at work on it.
    HeldBy(String),
}

impl Holder {
    /// A new life of this instance.
    pub(super) fn new(instance: &str) -> Self {
        Self(format!("{instance}{SEPARATOR}{}", Uuid::new_v4().simple()).into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The instance, through all its lives.
    pub(super) fn instance(&self) -> &str {
        instance(&self.0)
    }

    /// Whether somebody else holds `row` at `now`.
    ///
    /// Our own name is nobody else's: a former life is over, and what this one holds it knows by heart (`Desk`); a
    /// lease that it does not know is one whose claim or taking on was cut off, or whose end was not written.
    pub(super) fn lease(&self, row: &Row, now: UnixMillis) -> Lease {
        let other = instance(&row.holder);
        if row.holder.is_empty() || other == self.instance() || row.lease_until <= now {
            Lease::Open
        } else {
            Lease::HeldBy(other.to_owned())
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The instance that a holder is a life of.
pub(super) fn instance(holder: &str) -> &str {
    holder.rsplit_once(SEPARATOR).map_or(holder, |(instance, _)| instance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(holder: &str, lease_until: u64) -> Row {
        Row {
            version: 2,
            attempt: None,
            due_version: 1,
            holder: holder.to_owned(),
            lease_until: UnixMillis(lease_until),
            body: None,
        }
    }

    #[test]
    fn a_lease_ends_with_its_life_or_its_time() {
        let (me, before, other) = (Holder::new("a/1"), Holder::new("a/1"), Holder::new("b"));
        assert_ne!(me, before);
        let now = UnixMillis(100);
        assert_eq!(me.lease(&held_by("", 0), now), Lease::Open);
        assert_eq!(me.lease(&held_by(before.as_str(), 200), now), Lease::Open, "a former life");
        assert_eq!(me.lease(&held_by(other.as_str(), 101), now), Lease::HeldBy("b".to_owned()));
        assert_eq!(me.lease(&held_by(other.as_str(), 100), now), Lease::Open, "expired");
    }
}
