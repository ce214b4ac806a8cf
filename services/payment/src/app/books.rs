//! The books, and how a step is kept in one: read, decide, keep; read and decide again when others came first.

use std::{sync::Arc, time::Duration};

use mesh_events::Publisher;
use mesh_rpc::deadline::{self, Deadline};
use service_kit::{
    clock::{Clock, UnixMillis},
    requests::Request,
};
use thiserror::Error;

use super::turns::Turns;
use crate::{
    domain::{Operation, Payment, PaymentId, ProviderKey, Refused, Step},
    error::Error,
    events,
    store::{Applied, Commit, PaymentStore, Standing, StoreError},
};

/// How often a step is tried against what others change at the same time. Within this process they wait for
/// their turn, so only other processes come first.
const ATTEMPTS: u32 = 12;

/// The longest wait before the second attempt, doubled with each one up to the longest of all.
const PAUSE: Duration = Duration::from_millis(4);
const PAUSE_MAX: Duration = Duration::from_millis(64);

/// Keeps the steps of payments, each with its event.
#[derive(Clone)]
pub struct Books {
    store: Arc<dyn PaymentStore>,
    publisher: Publisher,
    clock: Clock,
    turns: Turns,
}

/// What keeping a step came to.
#[derive(Debug)]
pub enum Kept {
    /// It is kept, and this is how the payment stands.
    Now(Box<Standing>),
    /// The request had begun this operation before, and nothing was changed.
    Before(ProviderKey),
}

/// Why a step was not kept.
#[derive(Debug, Error)]
pub enum StepError {
    /// The payment does not take it as it stands.
    #[error("the payment does not take the step")]
    Refused {
        /// Why not.
        #[source]
        refused: Refused,
        /// The payment that did not take it.
        payment: Box<Payment>,
    },
    /// The store did not keep it; [`StoreError::Stale`] when others came first every time, too many wait for the
    /// book, or the caller's time was over before its turn came.
    #[error("the step was not kept")]
    Store(#[from] StoreError),
}

impl std::fmt::Debug for Books {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Books").finish_non_exhaustive()
    }
}

impl Books {
    /// The books in `store`, whose events go to `publisher` as soon as they are durable.
    #[must_use]
    pub fn new(store: Arc<dyn PaymentStore>, publisher: Publisher, clock: Clock) -> Self {
        Self { store, publisher, clock, turns: Turns::default() }
    }

    /// Where they are kept.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn PaymentStore> {
        &self.store
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// How the payment stands.
    ///
    /// # Errors
    /// [`Error::PaymentNotFound`], [`Error::Unavailable`].
    pub async fn standing(&self, id: PaymentId) -> Result<Standing, Error> {
        self.store.payment(id).await?.ok_or(Error::PaymentNotFound(id))
    }

    /// Keeps `step`, the first of a payment, whatever else happens to the book.
    ///
    /// # Errors
    /// See [`StoreError`]; [`StoreError::Stale`] when others came first every time, too many wait for the book,
    /// or the caller's time was over before its turn came.
    pub async fn create(&self, step: Step, request: Request) -> Result<Kept, StoreError> {
        let book = step.payment.book();
        let mut turn = self.turns.turn_of_caller(book).await.ok_or(StoreError::Stale)?;
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let version = match turn.version() {
                Some(version) => version,
                None => self.store.book(book).await?.version,
            };
            if is_late() {
                return Err(StoreError::Stale);
            }
            turn.leave(None);
            match self.keep(step.clone(), None, version, Some(request.clone())).await {
                Err(StoreError::Stale) => {}
                Err(error) => return Err(error),
                Ok(kept) => {
                    turn.leave(kept.version());
                    return Ok(kept);
                }
            }
        }
        Err(StoreError::Stale)
    }

    /// Keeps the step that `decide` makes of a payment. It is asked again when the payment stands otherwise
    /// than `at` by now. With a request the step is a caller's, who can come too late, as in [`Books::create`].
    ///
    /// # Errors
    /// [`StepError`].
    pub async fn step(
        &self,
        mut at: Standing,
        request: Option<Request>,
        decide: impl Fn(&Standing, UnixMillis) -> Result<Step, Refused> + Send,
    ) -> Result<Kept, StepError> {
        let (book, is_new) = (at.payment.book(), request.is_some());
        let turn =
            if is_new { self.turns.turn_of_caller(book).await } else { Some(self.turns.turn(book).await) };
        let mut turn = turn.ok_or(StoreError::Stale)?;
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let is_old = turn.version().is_some_and(|version| version != at.version);
            if attempt > 0 || is_old {
                at = self.store.payment(at.payment.id).await?.ok_or(StoreError::Stale)?;
            }
            let step = decide(&at, self.now())
                .map_err(|refused| StepError::Refused { refused, payment: Box::new(at.payment.clone()) })?;
            if is_new && is_late() {
                return Err(StoreError::Stale.into());
            }
            turn.leave(None);
            match self.keep(step, at.open.take(), at.version, request.clone()).await {
                Err(StoreError::Stale) => {}
                Err(error) => return Err(error.into()),
                Ok(kept) => {
                    turn.leave(kept.version());
                    return Ok(kept);
                }
            }
        }
        Err(StoreError::Stale.into())
    }

    async fn keep(
        &self,
        step: Step,
        open: Option<Operation>,
        expected: u64,
        request: Option<Request>,
    ) -> Result<Kept, StoreError> {
        let is_intent = step.opened.is_some() && step.settled.is_none();
        let open = step.opened.clone().or(open.filter(|_| step.settled.is_none()));
        let (payment, event) = (step.payment.clone(), events::of(&step));
        if is_intent {
            fail::fail_point!("payment.before-intent");
        }
        let commit = Commit { step, request, event: event.clone() };
        match self.store.apply(payment.book(), expected, commit).await? {
            Applied::Before(key) => Ok(Kept::Before(key)),
            Applied::Now { version } => {
                if is_intent {
                    fail::fail_point!("payment.after-intent");
                }
                if let Some(event) = event {
                    self.publisher.offer(event);
                }
                Ok(Kept::Now(Box::new(Standing { payment, open, version })))
            }
        }
    }
}

impl Kept {
    fn version(&self) -> Option<u64> {
        match self {
            Self::Now(standing) => Some(standing.version),
            Self::Before(_) => None,
        }
    }
}

/// Whether nobody waits any more for what is about to begin. Then it must not: the caller takes it for not done,
/// or asks again, and then nothing is under way that this would be told of.
fn is_late() -> bool {
    deadline::current().is_some_and(Deadline::is_past)
}

/// Lets others go first, a little longer each time.
async fn pause(attempt: u32) {
    if attempt > 0 {
        let most = (PAUSE * 2_u32.pow(attempt.min(ATTEMPTS) - 1)).min(PAUSE_MAX);
        tokio::time::sleep(most.mul_f64(rand::random())).await;
    }
}
