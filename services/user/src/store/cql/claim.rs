//! Claims of addresses.
//!
//! A claim says "this user is about to have this address, by a commit that is conditional on this rev". It is valid
//! once the claimant's partition has the address, and for as long as it has. Otherwise it is one of two:
//!
//! - dead: the claimant's partition is at another rev, so the commit that the claim was made for can never happen;
//! - pending: it is still at that rev. Whoever wants the address waits a little, and then makes the claim dead by
//!   moving the claimant's rev, unless the commit comes first.
//!
//! Only a dead claim is taken over, and only if nobody else did so: every claim has a greater epoch than the one
//! before it. So at any time at most one user can have an address, or come to have it: the one of the last claim.

use service_kit::cql::{Cas, CqlError, CurrentRow};

use super::{
    CqlStore,
    partition::{key, there},
    patience::{Contended, pause},
};
use crate::{
    domain::UserId,
    store::{Consistency, StoreError},
};

/// How often a claim is tried against other claimants. Each time another one won.
const ATTEMPTS: u32 = 16;

/// How often a pending claim is looked at, some 300 ms in all, before it is made dead.
const LOOKS: u32 = 8;

/// The revision of a claimant whose partition has none.
const UNBORN: i64 = 0;

/// What came of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claimed {
    /// The claimant's commit, at the rev it named, may give it the address.
    Yes,
    /// This user has the address.
    Taken(UserId),
}

/// A claim that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) user: UserId,
    rev: i64,
    epoch: i64,
}

impl Claim {
    fn read(row: &CurrentRow) -> Result<Self, CqlError> {
        let number = |column| there(row.get(column).and_then(scylla::value::CqlValue::as_bigint), column);
        let user = there(row.get("user_id").and_then(scylla::value::CqlValue::as_uuid), "user_id")?;
        Ok(Self { user: UserId(user), rev: number("rev")?, epoch: number("epoch")? })
    }
}

impl CqlStore {
    /// Claims an address for a user whose commit will be conditional on `rev`, which was read before.
    pub(super) async fn claim(
        &self,
        normal: &str,
        user: UserId,
        rev: Option<i64>,
    ) -> Result<Claimed, StoreError> {
        let rev = rev.unwrap_or(UNBORN);
        let mut found = None;
        for attempt in 0..ATTEMPTS {
            found = match self.try_claim(normal, user, rev, found).await {
                Ok(Cas::Applied) => return Ok(Claimed::Yes),
                Ok(Cas::Refused(row)) => Some(Claim::read(&row)?),
                // It may be ours now: looked at below like anybody's.
                Err(CqlError::Unknown(_)) => {
                    pause(attempt).await;
                    self.claim_of(normal, Consistency::Linearizable).await?
                }
                Err(error) => return Err(error.into()),
            };
            let Some(claim) = found else { continue };
            if self.has_come_true(normal, claim, user).await? {
                return Ok(Claimed::Taken(claim.user));
            }
            // Made by an earlier attempt for the very commit that is to come: good for this one too.
            if (claim.user, claim.rev) == (user, rev) {
                return Ok(Claimed::Yes);
            }
        }
        Err(StoreError::Unavailable(Contended.into()))
    }

    /// The claim of an address.
    pub(super) async fn claim_of(
        &self,
        normal: &str,
        consistency: Consistency,
    ) -> Result<Option<Claim>, CqlError> {
        let rows = self.cql.rows(self.statements.claim.at(consistency), (normal,)).await?;
        let row = rows.maybe_first_row::<(uuid::Uuid, i64, i64)>().map_err(CqlError::unexpected)?;
        Ok(row.map(|(user, rev, epoch)| Claim { user: UserId(user), rev, epoch }))
    }

    async fn try_claim(
        &self,
        normal: &str,
        user: UserId,
        rev: i64,
        over: Option<Claim>,
    ) -> Result<Cas, CqlError> {
        let statements = &self.statements;
        match over {
            None => self.cql.cas(&statements.claim_free, (normal, user.0, rev)).await,
            Some(Claim { user: old, rev: old_rev, epoch }) => {
                let values = (user.0, rev, epoch + 1, normal, epoch, old.0, old_rev);
                self.cql.cas(&statements.claim_over, values).await
            }
        }
    }

    /// Whether the claimant has the address. When this says no, the claim is dead, or `me`'s own.
    async fn has_come_true(&self, normal: &str, claim: Claim, me: UserId) -> Result<bool, StoreError> {
        for look in 0..LOOKS {
            let claimant = self.user_part(claim.user, Consistency::Strong).await?;
            if claimant.has(normal) {
                return Ok(true);
            }
            // What I do at the same time is decided by my own rev.
            if claim.user == me {
                return Ok(false);
            }
            if claimant.rev.unwrap_or(UNBORN) != claim.rev {
                break;
            }
            pause(look).await;
        }
        let claimant = self.user_part(claim.user, Consistency::Linearizable).await?;
        if claimant.has(normal) || claimant.rev.unwrap_or(UNBORN) != claim.rev {
            return Ok(claimant.has(normal));
        }
        self.commits.fence(&key(claim.user)).await?;
        Ok(self.user_part(claim.user, Consistency::Linearizable).await?.has(normal))
    }
}
