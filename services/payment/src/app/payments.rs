//! Payments: create, capture, cancel, refund.
//!
//! Each is decided, kept with its request, and only then is the provider asked. The caller waits for the
//! outcome as long as its deadline allows, and gets the payment as far as it has come.

use std::{sync::Arc, time::Duration};

use service_kit::{clock::UnixMillis, requests::Request, whole::Whole};

use super::{
    Books, DriverHandle, Kept, StepError,
    driver::{Begun, outcome},
};
use crate::{
    clients::Users,
    domain::{
        Money, NewPayment, Operation, Payment, PaymentId, PaymentMethod, ProviderKey, Refused, Step, UserId,
    },
    error::Error,
    store::{PaymentStore, Standing},
};

/// What somebody wants to pay.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who pays.
    pub user: UserId,
    /// How much; above zero.
    pub amount: Money,
    /// With what.
    pub method: PaymentMethod,
    /// Whether all of it is taken as soon as it is authorized.
    pub is_immediate: bool,
}

/// The use cases of payments.
#[derive(Clone)]
pub struct Payments {
    pub(super) store: Arc<dyn PaymentStore>,
    books: Books,
    driver: DriverHandle,
    users: Users,
    authorization_ttl: Duration,
    whole: Whole,
}

impl std::fmt::Debug for Payments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payments").finish_non_exhaustive()
    }
}

impl Payments {
    /// Use cases on `books`, driven by `driver`; an authorization is held for `authorization_ttl`.
    #[must_use]
    pub fn new(books: Books, driver: DriverHandle, users: Users, authorization_ttl: Duration) -> Self {
        let store = Arc::clone(books.store());
        Self { store, books, driver, users, authorization_ttl, whole: Whole::new() }
    }

    /// Authorizes an amount, and takes it at once if the order says so.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::UserServiceUnavailable`], [`Error::RequestReused`],
    /// [`Error::BookContended`], [`Error::Unavailable`].
    pub async fn create(&self, order: Order, request: Request) -> Result<Payment, Error> {
        if let Some(key) = self.store.recall(&request).await? {
            return self.replay(key).await;
        }
        if !self.users.exists(order.user).await? {
            return Err(Error::UserNotFound(order.user));
        }
        let payments = self.clone();
        let begun = self.whole.run(async move {
            let step = payments.first(order)?;
            payments.begun(payments.books.create(step, request).await?).await
        });
        Ok(outcome(begun.await?).await)
    }

    /// Takes `amount` of what is authorized, or all; the rest is released.
    ///
    /// # Errors
    /// [`Error::PaymentNotFound`], why the payment cannot be captured (see [`Error::refused`]),
    /// [`Error::RequestReused`], [`Error::BookContended`], [`Error::Unavailable`].
    pub async fn capture(
        &self,
        id: PaymentId,
        amount: Option<Money>,
        request: Request,
    ) -> Result<Payment, Error> {
        self.change(id, amount, request, move |payment, now| payment.capture(amount, now)).await
    }

    /// Releases what is authorized.
    ///
    /// # Errors
    /// As [`Payments::capture`].
    pub async fn cancel(&self, id: PaymentId, request: Request) -> Result<Payment, Error> {
        self.change(id, None, request, |payment, now| payment.cancel(now)).await
    }

    /// Gives `amount` back of what was captured, or all that is left.
    ///
    /// # Errors
    /// As [`Payments::capture`].
    pub async fn refund(
        &self,
        id: PaymentId,
        amount: Option<Money>,
        request: Request,
    ) -> Result<Payment, Error> {
        self.change(id, amount, request, move |payment, now| payment.refund(amount, now)).await
    }

    /// Waits for the changes under way; used while the service stops.
    pub async fn close(&self) {
        self.whole.close().await;
    }

    fn first(&self, order: Order) -> Result<Step, Error> {
        let now = self.books.now();
        let new = NewPayment {
            id: PaymentId::at(now, rand::random()),
            user: order.user,
            amount: order.amount,
            method: order.method,
            is_immediate: order.is_immediate,
            expires: now.after(self.authorization_ttl),
        };
        // Nothing else is ever wrong with a first step.
        Ok(Payment::create(new, now).map_err(|_| Money::not_positive("amount"))?)
    }

    async fn change(
        &self,
        id: PaymentId,
        amount: Option<Money>,
        request: Request,
        decide: impl Fn(&Payment, UnixMillis) -> Result<Step, Refused> + Send + 'static,
    ) -> Result<Payment, Error> {
        if let Some(key) = self.store.recall(&request).await? {
            return self.replay(key).await;
        }
        let at = self.books.standing(id).await?;
        let payments = self.clone();
        let begun = self.whole.run(async move {
            let step =
                payments.books.step(at, Some(request.clone()), move |at, now| decide(&at.payment, now));
            match step.await {
                Ok(kept) => payments.begun(kept).await,
                Err(StepError::Store(error)) => Err(error.into()),
                // The very same request may have come first, on another way: then it is what is under way.
                Err(StepError::Refused { refused, payment }) => {
                    match payments.store.recall(&request).await? {
                        Some(key) => payments.resumed(key).await,
                        None => Err(Error::refused(refused, &payment, amount)),
                    }
                }
            }
        });
        Ok(outcome(begun.await?).await)
    }

    async fn begun(&self, kept: Kept) -> Result<Begun, Error> {
        match kept {
            Kept::Now(at) => {
                let payment = at.payment.clone();
                Ok(Begun { payment, watch: self.driver.begin(*at) })
            }
            Kept::Before(key) => self.resumed(key).await,
        }
    }

    /// The answer to a request that was made before: the payment as it is now, as soon as what the request
    /// began has ended.
    async fn replay(&self, key: ProviderKey) -> Result<Payment, Error> {
        Ok(outcome(self.resumed(key).await?).await)
    }

    async fn resumed(&self, key: ProviderKey) -> Result<Begun, Error> {
        let at = self.books.standing(key.payment).await?;
        let watch = if is_awaited(&at, key) { self.driver.watch(key.payment) } else { None };
        Ok(Begun { payment: at.payment, watch })
    }
}

/// Whether what the operation `key` began is under way. A capture that follows an authorization at once was
/// asked for with it.
fn is_awaited(at: &Standing, key: ProviderKey) -> bool {
    let is_part =
        |open: &Operation| open.key == key || (at.payment.is_immediate && (key.seq, open.key.seq) == (1, 2));
    at.payment.state.under_way().is_some() && at.open.as_ref().is_some_and(is_part)
}
