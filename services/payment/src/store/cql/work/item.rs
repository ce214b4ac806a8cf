//! One piece of work, and where it is filed.

use uuid::Uuid;

use crate::{
    domain::{BookId, Payment, PaymentId, State},
    store::{
        cql::{
            book::Kept,
            keys::{payment_shard, unknown_key},
        },
        records::RecordError,
    },
};

/// Partitions of one minute.
pub(super) const SHARDS: u8 = 4;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::cql) enum Kind {
    /// An open operation is to be driven.
    Open,
    /// An operation was given up: somebody must look.
    GivenUp,
    /// An authorization is to be released, at a time.
    Lapse,
}

/// A piece of work. Its bytes sort as it is to be found: operations by their keys, releases by their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::cql) struct Work {
    pub(in crate::store::cql) kind: Kind,
    pub(in crate::store::cql) payment: PaymentId,
    /// The number of the operation, or the time of the release.
    pub(super) at: u64,
    /// The version of the payment that made it.
    pub(super) version: u64,
}

/// Work, and where it is filed.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::cql) struct Filed {
    pub(in crate::store::cql) work: Work,
    pub(in crate::store::cql) book: BookId,
    pub(in crate::store::cql) slice: i64,
}

/// The key of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::cql) struct Place {
    pub(in crate::store::cql) kind: i8,
    pub(in crate::store::cql) slice: i64,
    pub(in crate::store::cql) shard: i8,
    pub(in crate::store::cql) sort: Vec<u8>,
    pub(in crate::store::cql) book: BookId,
}

impl Kind {
    /// What stands for it, for ever.
    pub(in crate::store::cql) fn code(self) -> i8 {
        match self {
            Self::Open => 1,
            Self::GivenUp => 2,
            Self::Lapse => 3,
        }
    }
}

impl Work {
    /// What a payment makes to do, as it stands.
    pub(super) fn of(payment: &Payment) -> Option<Self> {
        let (kind, at) = match (payment.lapses(), payment.state) {
            (Some(at), _) => (Kind::Lapse, at.0),
            (None, State::NeedsReconciliation) => (Kind::GivenUp, u64::from(payment.operations)),
            (None, state) => {
                state.under_way()?;
                (Kind::Open, u64::from(payment.operations))
            }
        };
        Some(Self { kind, payment: payment.id, at, version: payment.version })
    }

    pub(super) fn sort(&self) -> Vec<u8> {
        let (id, at, version) =
            (self.payment.0.into_bytes(), self.at.to_be_bytes(), self.version.to_be_bytes());
        match self.kind {
            Kind::Open | Kind::GivenUp => [&id[..], &at, &version].concat(),
            Kind::Lapse => [&at[..], &id, &version].concat(),
        }
    }

    pub(super) fn read(kind: Kind, sort: &[u8]) -> Result<Self, RecordError> {
        let read = || -> Option<Self> {
            let (head, version) = sort.split_at_checked(24)?;
            let (id, at) = match kind {
                Kind::Open | Kind::GivenUp => head.split_at(16),
                Kind::Lapse => {
                    let (at, id) = head.split_at(8);
                    (id, at)
                }
            };
            let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
            let payment = PaymentId(Uuid::from_slice(id).ok()?);
            Some(Self { kind, payment, at: number(at)?, version: number(version)? })
        };
        read().ok_or_else(unknown_key)
    }
}

impl Filed {
    /// The work of a payment that is kept.
    pub(in crate::store::cql) fn of(kept: &Kept) -> Option<Self> {
        let work = Work::of(&kept.payment)?;
        Some(Self { work, book: kept.payment.book(), slice: kept.filed })
    }

    pub(in crate::store::cql) fn place(&self) -> Place {
        let shard = payment_shard(self.work.payment, SHARDS);
        Place {
            kind: self.work.kind.code(),
            slice: self.slice,
            shard,
            sort: self.work.sort(),
            book: self.book,
        }
    }
}

#[cfg(test)]
mod tests {
    use service_kit::clock::UnixMillis;

    use super::*;

    #[test]
    fn work_is_read_as_it_was_written_and_sorts_as_it_is_to_be_found() {
        let (older, newer) = (PaymentId::at(UnixMillis(1), [9; 10]), PaymentId::at(UnixMillis(2), [1; 10]));
        let work = |kind, payment, at, version| Work { kind, payment, at, version };
        let open = [(older, 2, 9), (older, 10, 1), (older, 10, 2), (newer, 1, 1)];
        let lapses = [(newer, 7, 1), (older, 300, 1), (newer, 300, 1), (newer, u64::MAX, 1)];
        for (kind, order) in [(Kind::Open, open), (Kind::GivenUp, open), (Kind::Lapse, lapses)] {
            let order = order.map(|(payment, at, version)| work(kind, payment, at, version));
            let sorts = order.map(|work| work.sort());
            assert!(sorts.is_sorted(), "{kind:?}");
            assert_eq!(sorts.map(|sort| Work::read(kind, &sort).unwrap()), order);
            assert!(Work::read(kind, &[0; 31]).is_err());
        }
    }
}
