//! Requests that may be repeated, wherever their answer is.

use std::collections::HashSet;

use super::{
    CommitError, Intended, Recalled,
    commits::Inner,
    fence::{Look, Memory},
    key::Key,
    rows,
    statements::POINTERS_MAX,
};
use crate::{cql::CqlError, requests::Request};

impl Inner {
    /// What is known of a request, by a look that changes nothing.
    pub(super) async fn recall(&self, request: &Request) -> Result<Recalled, CommitError> {
        let (aggregates, _) = self.pointed(request).await.map_err(CommitError::Unavailable)?;
        for key in &aggregates {
            let recalled = self.remembered(key, request, Look::Quick).await?;
            if recalled != Recalled::New {
                return Ok(recalled);
            }
        }
        Ok(Recalled::New)
    }

    /// Whether the request was decided already. If it was not, nobody else who began before this can decide it any
    /// more: every other aggregate that a pointer leads to is fenced, and looked at again.
    pub(super) async fn check(&self, own: &Key, request: &Request) -> Result<Recalled, CommitError> {
        let (mut aggregates, is_whole) = self.pointed(request).await.map_err(CommitError::Unavailable)?;
        aggregates.remove(own);
        let recalled = self.remembered(own, request, Look::Quick).await?;
        if recalled != Recalled::New {
            return Ok(recalled);
        }
        if !is_whole {
            // An id that served so many contents is no id.
            return Ok(Recalled::Reused);
        }
        for key in &aggregates {
            let mut recalled = self.remembered(key, request, Look::Quick).await?;
            if recalled == Recalled::New {
                self.aggregates.fence(key).await.map_err(CommitError::Unavailable)?;
                recalled = self.remembered(key, request, Look::Deciding).await?;
            }
            if recalled != Recalled::New {
                return Ok(recalled);
            }
        }
        Ok(Recalled::New)
    }

    /// The aggregates that pointers of a request lead to; `false` when there are more.
    async fn pointed(&self, request: &Request) -> Result<(HashSet<Key>, bool), CqlError> {
        type Row = (Vec<u8>, Vec<u8>);
        let statement = &self.outbox.pointers;
        let pointers = rows::all::<Row>(&self.aggregates.cql, statement, (request.key.as_slice(),)).await?;
        let is_whole = pointers.len() <= POINTERS_MAX;
        let keys = pointers.iter().take(POINTERS_MAX).map(|(_, key)| Key::decode(key));
        Ok((keys.collect::<Result<_, _>>()?, is_whole))
    }

    async fn remembered(&self, key: &Key, request: &Request, look: Look) -> Result<Recalled, CommitError> {
        let memory = self.aggregates.memory(key, &request.key, look).await;
        let memory = memory.map_err(CommitError::Unavailable)?;
        Ok(judge(memory, request, self.clock.now().0))
    }
}

/// What a memory says of a request. One that expired is none: that its row is still there is up to the database.
fn judge(memory: Option<Memory>, request: &Request, now_ms: u64) -> Recalled {
    match memory {
        Some(memory) if memory.expire_time_ms <= now_ms => Recalled::New,
        Some(memory) if memory.fingerprint == request.fingerprint => Recalled::Answered(memory.answer),
        Some(_) => Recalled::Reused,
        None => Recalled::New,
    }
}

impl Intended {
    /// The request, if there is one.
    pub(super) fn request(&self) -> Option<&Request> {
        self.request.as_ref().map(|(request, _)| request)
    }
}
