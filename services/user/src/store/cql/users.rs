//! Commands and queries on users.

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use service_kit::{cql::CqlError, requests::Request};

use super::{
    CqlStore,
    partition::Partition,
    write::{Change, Verdict},
};
use crate::{
    domain::{User, UserId},
    store::{Answer, Committed, Consistency, CreateUser, DeleteUser, ReplaceUser, StoreError, UserStore},
};

/// Users read at once for one call.
const AT_ONCE: usize = 32;

#[async_trait]
impl UserStore for CqlStore {
    async fn create_user(&self, command: CreateUser) -> Result<Committed<User>, StoreError> {
        let CreateUser { user, request, event } = command;
        let judge = |found: &Partition| match &found.user {
            Some(same) if same.email.normal() == user.email.normal() => {
                Err(StoreError::EmailTaken { owner: user.id })
            }
            // An id derived from a request whose answer is forgotten: the user it made has moved to another address.
            Some(_) => Err(StoreError::RequestReused),
            None => {
                let change = Change {
                    user: user.id,
                    event: Some(event.clone()),
                    request: request.clone().map(|request| (request, Answer::User(user.clone()))),
                    pointers: vec![self.index_row(user.id)],
                    address: Some(user.email.normal().to_owned()),
                    write: self.statements.put_user(&user),
                };
                Ok(Verdict::Do(Box::new(change), user.clone()))
            }
        };
        // Most ids are new, and the commit finds out when one is not: nothing has to be read first.
        let nobody = Some(Partition::default());
        self.change(user.id, request.as_ref(), nobody, judge, a_user).await
    }

    async fn replace_user(&self, command: ReplaceUser) -> Result<Committed<User>, StoreError> {
        let ReplaceUser { user, request, event } = command;
        let judge = |found: &Partition| {
            let current = found.user.as_ref().ok_or(StoreError::NotFound)?;
            if current.version + 1 != user.version {
                return Err(StoreError::Stale);
            }
            let is_moved = current.email.normal() != user.email.normal();
            let change = Change {
                user: user.id,
                event: Some(event.clone()),
                request: request.clone().map(|request| (request, Answer::User(user.clone()))),
                pointers: Vec::new(),
                address: is_moved.then(|| user.email.normal().to_owned()),
                write: self.statements.put_user(&user),
            };
            Ok(Verdict::Do(Box::new(change), user.clone()))
        };
        self.change(user.id, request.as_ref(), None, judge, a_user).await
    }

    async fn delete_user(&self, command: DeleteUser) -> Result<Committed<()>, StoreError> {
        let DeleteUser { id, expected, now, request, event } = command;
        let judge = |found: &Partition| {
            let current = found.user.as_ref().ok_or(StoreError::NotFound)?;
            if current.version != expected {
                return Err(StoreError::Stale);
            }
            let change = Change {
                user: id,
                event: Some(event.clone()),
                request: request.clone().map(|request| (request, Answer::Deleted)),
                pointers: Vec::new(),
                // The address is free as soon as nobody's partition has it; profile and sessions end likewise.
                address: None,
                write: self.statements.put_deleted(id, expected + 1, now),
            };
            Ok(Verdict::Do(Box::new(change), ()))
        };
        self.change(id, request.as_ref(), None, judge, |_| Some(())).await
    }

    async fn users_at(
        &self,
        ids: &[UserId],
        consistency: Consistency,
    ) -> Result<Vec<Option<User>>, StoreError> {
        // A single one needs no queue of reads.
        if let [id] = *ids {
            return Ok(vec![self.find(id, consistency).await?]);
        }
        // One partition each: many small reads, each at the replica that has it, rather than one that waits for all.
        let reads = ids.iter().copied().map(|id| self.find(id, consistency)).collect::<Vec<_>>();
        Ok(stream::iter(reads).buffered(AT_ONCE).try_collect().await?)
    }

    async fn user_by_email_at(
        &self,
        normal: &str,
        consistency: Consistency,
    ) -> Result<Option<User>, StoreError> {
        if consistency == Consistency::Eventual {
            match self.owner(normal, consistency).await {
                Ok(None) | Err(CqlError::Unknown(_)) => {}
                found => return Ok(found?),
            }
        }
        Ok(self.owner(normal, enough(consistency)).await?)
    }

    async fn list_users_at(
        &self,
        after: Option<UserId>,
        limit: usize,
        consistency: Consistency,
    ) -> Result<Vec<User>, StoreError> {
        self.list(after, limit, consistency).await
    }

    async fn recall(&self, request: &Request) -> Result<Option<Answer>, StoreError> {
        self.recalled(Some(request)).await
    }
}

impl CqlStore {
    /// The user with this id.
    pub(super) async fn find(&self, id: UserId, consistency: Consistency) -> Result<Option<User>, CqlError> {
        if consistency == Consistency::Eventual {
            match self.user_part(id, consistency).await {
                Ok(Partition { user: Some(user), .. }) => return Ok(Some(user)),
                // That one copy does not know of it proves nothing, nor does one that does not answer.
                Ok(_) | Err(CqlError::Unknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.user_part(id, enough(consistency)).await?.user)
    }

    /// The user whose address this is. Nobody, if the claimant has no such address: whoever comes to have it claims
    /// it first, so between the two reads there was a moment when it was nobody's.
    async fn owner(&self, normal: &str, consistency: Consistency) -> Result<Option<User>, CqlError> {
        let Some(claim) = self.claim_of(normal, consistency).await? else { return Ok(None) };
        let claimant = self.user_part(claim.user, consistency).await?;
        Ok(claimant.user.filter(|user| user.email.normal() == normal))
    }
}

/// What it takes to say that something is not there.
pub(super) fn enough(consistency: Consistency) -> Consistency {
    match consistency {
        Consistency::Eventual => Consistency::Strong,
        other => other,
    }
}

fn a_user(answer: Answer) -> Option<User> {
    match answer {
        Answer::User(user) => Some(user),
        _ => None,
    }
}
