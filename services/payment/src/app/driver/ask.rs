//! One try to find out how an operation ends.

use super::desk::Desk;
use crate::{
    domain::{Operation, Outcome, PaymentMethod, ProviderKey},
    provider::{Answer, ProviderError},
    seeded::seeded,
};

/// What is known after a try.
#[derive(Debug)]
pub(super) enum Known {
    /// How it ended.
    Ended(Outcome),
    /// The provider has taken it on and not decided.
    Pending,
    /// Nothing: the service stops, and the provider was not asked.
    NotAsked,
    /// Nothing: the provider did not answer.
    Nothing(ProviderError),
    /// The provider did something else under this key: what, in its words.
    Contradiction(String),
}

/// How sure it is that the provider was never asked for the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It was decided just now, by this process.
    Never,
    /// Somebody may have asked, so many times as far as this process knows.
    Perhaps(u32),
}

impl Desk {
    /// Looks up what was done under the operation's key, unless nothing can have been, and asks for it if
    /// nothing was.
    pub(super) async fn ask(&self, operation: &Operation, method: &PaymentMethod, asked: Asked) -> Known {
        // Closed when the service stops. However many wait then, they must not all ask first: what they wait
        // to ask for stays open for the next start.
        let Ok(_room) = self.asking.acquire().await else { return Known::NotAsked };
        let operation = &Operation { key: key(operation.key, asked), ..operation.clone() };
        if asked != Asked::Never {
            match self.provider.lookup(operation.key).await {
                Ok(Some(found)) => return known(operation, found.answer_to(operation)),
                Ok(None) => {}
                Err(error) => return known(operation, Err(error)),
            }
        }
        known(operation, self.provider.execute(operation, method).await)
    }
}

/// The key to ask under: always the operation's own.
fn key(of: ProviderKey, asked: Asked) -> ProviderKey {
    match asked {
        // Seeded bug, only with failpoints compiled in: a retry is taken for another operation.
        Asked::Perhaps(tries) if tries > 0 && seeded("bug.new-provider-key") => {
            ProviderKey { seq: of.seq.saturating_add(tries.saturating_mul(1_000)), ..of }
        }
        _ => of,
    }
}

fn known(operation: &Operation, said: Result<Answer, ProviderError>) -> Known {
    match said {
        Ok(Answer::Settled) => Known::Ended(Outcome::Settled),
        Ok(Answer::Declined(code)) => Known::Ended(Outcome::Declined(code)),
        Ok(Answer::Pending) => Known::Pending,
        // It was not done and never will be; what that means is for the books to say.
        Err(ProviderError::NotDone(why)) => {
            tracing::warn!(operation.key = %operation.key, why, "the provider cannot do an operation");
            Known::Ended(Outcome::Failed)
        }
        Err(ProviderError::Contradiction(what)) => Known::Contradiction(what),
        Err(error @ ProviderError::Unknown(_)) => Known::Nothing(error),
    }
}
