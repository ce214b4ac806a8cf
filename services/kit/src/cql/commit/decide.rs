//! What became of a commit, case by case.
//!
//! | answer | and | is |
//! |---|---|---|
//! | applied | | committed |
//! | refused | our attempt is in the partition: what was sent came twice, or was ended by another's round | committed |
//! | refused | it is not | moved: `rev` never comes back to what we expected |
//! | unknown | our attempt is in the partition, by a deciding read | committed |
//! | unknown | it is not, and `rev` is another one | moved, for the same reason |
//! | unknown | it is not, and `rev` is the expected one: the write may still come | unknown |
//! | unknown | the read has no answer either | unknown |
//! | error that says nothing happened | | unavailable |

use fail::fail_point;

use super::{
    CommitError, Intended, Outcome,
    commits::Inner,
    fence::{Look, next},
};
use crate::cql::{Bound, Cas, CqlError};

impl Inner {
    /// Sends the batch and finds out what became of it.
    pub(super) async fn send(&self, intended: &Intended, batch: &[Bound]) -> Result<Outcome, CommitError> {
        match self.answer(batch).await {
            Ok(Cas::Applied) => Ok(Outcome::Committed { rev: next(intended.expected) }),
            Ok(Cas::Refused(_)) => match self.is_there(intended).await.map_err(CommitError::Unknown)? {
                true => Ok(Outcome::Committed { rev: next(intended.expected) }),
                false => Ok(Outcome::Moved),
            },
            Err(error) if error.is_unknown() => self.look(intended, error).await,
            Err(error) => Err(CommitError::Unavailable(error)),
        }
    }

    async fn answer(&self, batch: &[Bound]) -> Result<Cas, CqlError> {
        // Tests: the request is lost, or comes twice, or the answer is lost.
        fail_point!("commit.lose-request", |_| Err(CqlError::Unknown("lost by a test".into())));
        let answer = self.aggregates.cql.cas_batch(batch).await;
        fail_point!("commit.lose-answer", |_| Err(CqlError::Unknown("lost by a test".into())));
        if is_sent_twice() { self.aggregates.cql.cas_batch(batch).await } else { answer }
    }

    /// Nobody knows: the partition does, or will.
    async fn look(&self, intended: &Intended, error: CqlError) -> Result<Outcome, CommitError> {
        // `rev` comes first: once it is another one, what is not there at a later read never comes.
        let Ok(rev) = self.aggregates.rev(&intended.key, Look::Deciding).await else {
            return Err(CommitError::Unknown(error));
        };
        match self.is_there(intended).await {
            Ok(true) => Ok(Outcome::Committed { rev: next(intended.expected) }),
            Ok(false) if rev != intended.expected && intended.leaves_a_trace() => Ok(Outcome::Moved),
            _ => Err(CommitError::Unknown(error)),
        }
    }

    /// Whether the attempt's own rows are in the partition.
    async fn is_there(&self, intended: &Intended) -> Result<bool, CqlError> {
        let Intended { key, attempt, .. } = intended;
        if let Some(event) = &intended.event {
            let event = self.aggregates.event(key, event.id, *attempt, Look::Deciding).await?;
            return Ok(event.is_some());
        }
        if let Some((request, _)) = &intended.request {
            let memory = self.aggregates.memory(key, &request.key, Look::Deciding).await?;
            return Ok(memory.is_some_and(|memory| memory.attempt == Some(*attempt)));
        }
        Ok(false)
    }
}

impl Intended {
    /// Whether a commit can be told from another one by what it left. One that has neither an event nor a request
    /// cannot.
    fn leaves_a_trace(&self) -> bool {
        self.event.is_some() || self.request.is_some()
    }
}

fn is_sent_twice() -> bool {
    fail_point!("commit.send-twice", |_| true);
    false
}
