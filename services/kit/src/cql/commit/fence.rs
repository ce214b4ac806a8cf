//! What is in an aggregate's partition, and the fence around it.

use mesh_events::Envelope;
use scylla::value::CqlValue;
use uuid::Uuid;

use super::{key::Key, rows, statements::AggregateStatements};
use crate::cql::{Cas, Cql, CqlError, CurrentRow};

/// How often a fence is tried whose outcome nobody knows.
const TRIES: usize = 4;

/// The aggregates' table.
#[derive(Debug)]
pub(super) struct Aggregates {
    pub(super) cql: Cql,
    pub(super) statements: AggregateStatements,
}

/// How a read is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// What it finds is committed; what it does not find may be on its way.
    Quick,
    /// Also ends what is half done: what it does not find is not there, and comes only if somebody commits it later.
    Deciding,
}

/// What is remembered of a request.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) fingerprint: Vec<u8>,
    pub(super) expire_time_ms: u64,
    pub(super) answer: Vec<u8>,
    pub(super) attempt: Option<Uuid>,
}

impl Aggregates {
    pub(super) async fn rev(&self, key: &Key, look: Look) -> Result<Option<i64>, CqlError> {
        let statement = match look {
            Look::Quick => &self.statements.rev,
            Look::Deciding => &self.statements.decide_rev,
        };
        let row = rows::first::<(Option<i64>,)>(&self.cql, statement, (key.value(),)).await?;
        Ok(row.and_then(|(rev,)| rev))
    }

    /// The stored envelope of an event, if this attempt committed it.
    pub(super) async fn event(
        &self,
        key: &Key,
        event: Uuid,
        attempt: Uuid,
        look: Look,
    ) -> Result<Option<Vec<u8>>, CqlError> {
        let statement = match look {
            Look::Quick => &self.statements.event,
            Look::Deciding => &self.statements.decide_event,
        };
        let values = (key.value(), event.as_bytes().as_slice());
        let row = rows::first::<(Option<Uuid>, Option<Vec<u8>>)>(&self.cql, statement, values).await?;
        Ok(row.and_then(|(by, body)| (by == Some(attempt)).then(|| body.unwrap_or_default())))
    }

    pub(super) async fn memory(
        &self,
        key: &Key,
        request: &[u8; 32],
        look: Look,
    ) -> Result<Option<Memory>, CqlError> {
        type Row = (Option<Vec<u8>>, Option<i64>, Option<Vec<u8>>, Option<Uuid>);
        let statement = match look {
            Look::Quick => &self.statements.memory,
            Look::Deciding => &self.statements.decide_memory,
        };
        let row = rows::first::<Row>(&self.cql, statement, (key.value(), request.as_slice())).await?;
        Ok(row.map(|(fingerprint, expire_time_ms, answer, attempt)| Memory {
            fingerprint: fingerprint.unwrap_or_default(),
            expire_time_ms: expire_time_ms.and_then(|ms| ms.try_into().ok()).unwrap_or_default(),
            answer: answer.unwrap_or_default(),
            attempt,
        }))
    }

    /// Moves `rev`, so that whoever read it before cannot commit any more.
    ///
    /// A refusal tells what `rev` is. Being refused with that too says that somebody moved it meanwhile, and
    /// whoever read it before this call has an older one: the fence stands all the same.
    pub(super) async fn fence(&self, key: &Key) -> Result<(), CqlError> {
        let mut known = self.rev(key, Look::Quick).await?;
        let mut is_exact = false;
        let mut tries = 0;
        loop {
            match self.move_from(key, known).await {
                Ok(Cas::Applied) => return Ok(()),
                Ok(Cas::Refused(_)) if is_exact => return Ok(()),
                Ok(Cas::Refused(current)) => (known, is_exact) = (rev_of(&current), true),
                Err(error) if error.is_unknown() && tries < TRIES => {
                    tries += 1;
                    (known, is_exact) = (self.rev(key, Look::Deciding).await?, true);
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn move_from(&self, key: &Key, known: Option<i64>) -> Result<Cas, CqlError> {
        let AggregateStatements { begin, move_on, .. } = &self.statements;
        match known {
            None => self.cql.cas(begin, (next(known), key.value())).await,
            Some(rev) => self.cql.cas(move_on, (next(known), key.value(), rev)).await,
        }
    }
}

/// The `rev` after this one. It has room for more commits than one partition can ever see.
pub(super) fn next(rev: Option<i64>) -> i64 {
    rev.unwrap_or_default().saturating_add(1)
}

/// The `rev` that refused a conditional write.
pub(super) fn rev_of(current: &CurrentRow) -> Option<i64> {
    match current.get("rev") {
        Some(CqlValue::BigInt(rev)) => Some(*rev),
        _ => None,
    }
}

/// The envelope in an event's row.
pub(super) fn envelope(body: Vec<u8>) -> Result<Envelope, mesh_events::DecodeError> {
    Envelope::decode(body.into())
}
