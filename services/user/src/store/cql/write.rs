//! How a partition changes: decide on what is read, announce, commit; and again if it moved meanwhile.

use fail::fail_point;
use mesh_events::Envelope;
use service_kit::{
    cql::{
        Bound,
        commit::{Draft, Intended, Outcome, Recalled},
    },
    requests::Request,
};

use super::{
    CqlStore,
    claim::Claimed,
    partition::{Partition, key},
    patience::{Contended, pause},
};
use crate::{
    domain::UserId,
    store::{
        Answer, Committed, Consistency, StoreError,
        records::{decode_answer, encode_answer},
    },
};

/// How often a change is tried against others of the same user.
const ATTEMPTS: u32 = 12;

/// A change of one partition.
pub(super) struct Change {
    /// Whose.
    pub(super) user: UserId,
    /// Told with it.
    pub(super) event: Option<Envelope>,
    /// Under which the answer is remembered, and the answer.
    pub(super) request: Option<(Request, Answer)>,
    /// Written before it.
    pub(super) pointers: Vec<Bound>,
    /// The address that it gives to the user.
    pub(super) address: Option<String>,
    /// What it writes.
    pub(super) write: Bound,
}

/// What is to be done, seen what is there.
pub(super) enum Verdict<T> {
    /// This, to be answered so.
    Do(Box<Change>, T),
    /// Nothing; it is answered so.
    Leave(T),
}

/// What came of one attempt.
enum Attempt {
    Committed,
    Before(Answer),
    Moved,
}

impl CqlStore {
    /// Changes the partition of `user` as `judge` says, who is asked again when it moved meanwhile. `first` is what
    /// is there, as far as is known; `None`: to be read.
    ///
    /// An earlier answer to `request` takes the place of everything, also of a refusal.
    pub(super) async fn change<T>(
        &self,
        user: UserId,
        request: Option<&Request>,
        mut first: Option<Partition>,
        judge: impl Fn(&Partition) -> Result<Verdict<T>, StoreError> + Sync,
        replay: fn(Answer) -> Option<T>,
    ) -> Result<Committed<T>, StoreError> {
        let replayed = |answer| {
            replay(answer).map_or(Err(StoreError::RequestReused), |value| Ok(Committed::before(value)))
        };
        for attempt in 0..ATTEMPTS {
            let partition = match first.take() {
                Some(partition) => partition,
                // The commit finds out when this missed something; only a second attempt has to see it.
                None if attempt == 0 => self.partition(user, Consistency::Strong).await?,
                None => self.partition(user, Consistency::Linearizable).await?,
            };
            let (change, value) = match judge(&partition) {
                Ok(Verdict::Do(change, value)) => (change, value),
                Ok(Verdict::Leave(value)) => return Ok(Committed::now(value)),
                Err(refusal) => match self.recalled(request).await? {
                    Some(answer) => return replayed(answer),
                    None => return Err(refusal),
                },
            };
            match self.attempt(*change, partition.rev).await? {
                Attempt::Committed => return Ok(Committed::now(value)),
                Attempt::Before(answer) => return replayed(answer),
                Attempt::Moved => pause(attempt).await,
            }
        }
        Err(StoreError::Unavailable(Contended.into()))
    }

    /// The answer to a request, if it has a name and one is remembered.
    pub(super) async fn recalled(&self, request: Option<&Request>) -> Result<Option<Answer>, StoreError> {
        match request {
            None => Ok(None),
            Some(request) => remembered(self.commits.recall(request).await?),
        }
    }

    async fn attempt(&self, change: Change, rev: Option<i64>) -> Result<Attempt, StoreError> {
        let Change { user, event, request, pointers, address, write } = change;
        let is_named = request.is_some();
        let request = request.map(|(request, answer)| (request, encode_answer(&answer)));
        let intend = self.commits.intend(Draft { key: key(user), event, request }, rev, pointers);
        let claim = async {
            match &address {
                None => Ok(Claimed::Yes),
                Some(address) => self.claim(address, user, rev).await,
            }
        };
        // A request that has a name is looked up once its intent is there; its claim needs not wait for that.
        let decide = async {
            let intended = intend.await?;
            let recalled =
                if is_named { remembered(self.commits.check_request(&intended).await?) } else { Ok(None) };
            Ok::<_, StoreError>((intended, recalled))
        };
        let (decided, claimed) = tokio::join!(decide, claim);
        let (intended, recalled) = decided?;
        let instead = match (recalled, claimed) {
            (Ok(None), Ok(Claimed::Yes)) => return self.commit(intended, write).await,
            (Err(refusal), _) | (Ok(None), Err(refusal)) => Err(refusal),
            (Ok(Some(answer)), _) => Ok(Attempt::Before(answer)),
            // Has it already, so something has changed since it was read.
            (Ok(None), Ok(Claimed::Taken(owner))) if owner == user => Ok(Attempt::Moved),
            (Ok(None), Ok(Claimed::Taken(owner))) => Err(StoreError::EmailTaken { owner }),
        };
        self.commits.abandon(intended).await;
        instead
    }

    async fn commit(&self, intended: Intended, write: Bound) -> Result<Attempt, StoreError> {
        // Decided, and nothing of it to be seen: whoever asked must ask again.
        fail_point!("user.before-commit");
        let outcome = self.commits.commit(intended, vec![write]).await?;
        match outcome {
            Outcome::Moved => Ok(Attempt::Moved),
            Outcome::Committed { .. } => {
                // Durable with its event, and neither the caller nor the relay knows.
                fail_point!("user.after-commit");
                Ok(Attempt::Committed)
            }
        }
    }
}

fn remembered(recalled: Recalled) -> Result<Option<Answer>, StoreError> {
    match recalled {
        Recalled::New => Ok(None),
        Recalled::Reused => Err(StoreError::RequestReused),
        Recalled::Answered(row) => Ok(Some(decode_answer(&row)?)),
    }
}
