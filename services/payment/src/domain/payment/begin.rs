//! The steps that begin an operation with the provider.

use service_kit::clock::UnixMillis;

use super::{Cancellation, NewPayment, Payment, Refused, Step};
use crate::domain::{Balance, Direction, Event, Money, MoneyError, OperationKind, Phase, State};

impl Payment {
    /// The first step: the payment exists, and the provider is going to be asked to hold the money.
    ///
    /// # Errors
    /// [`Refused::NotPositive`] when there is nothing to pay.
    pub fn create(new: NewPayment, now: UnixMillis) -> Result<Step, Refused> {
        let amount = new.amount;
        let accepted = Self {
            id: new.id,
            user: new.user,
            amount,
            method: new.method,
            is_immediate: new.is_immediate,
            expires: new.expires,
            state: State::Created,
            balance: Balance::default(),
            operations: 0,
            decline: None,
            cancellation: None,
            version: 0,
            created: now,
            updated: now,
        };
        positive(amount)?;
        Step::from(&accepted, now).on(Event::Authorize)?.opening(OperationKind::Authorize, amount)
    }

    /// The provider is going to be asked to take `amount`, or all of it, and to let go of the rest.
    ///
    /// # Errors
    /// Why it cannot; see [`Refused`].
    pub fn capture(&self, amount: Option<Money>, now: UnixMillis) -> Result<Step, Refused> {
        let step = Step::from(self, now).on(Event::Capture)?;
        if now >= self.expires {
            return Err(Refused::Expired);
        }
        let amount = amount.unwrap_or(self.amount);
        positive(amount)?;
        if self.amount.checked_sub(amount)?.minor() < 0 {
            return Err(Refused::AboveAuthorized);
        }
        step.opening(OperationKind::Capture, amount)
    }

    /// The provider is going to be asked to let the money go, because somebody wants that.
    ///
    /// # Errors
    /// Why it cannot; see [`Refused`].
    pub fn cancel(&self, now: UnixMillis) -> Result<Step, Refused> {
        self.release(Event::Void, Cancellation::Asked, now)
    }

    /// The provider is going to be asked to let the money go, because nobody took it in time.
    ///
    /// # Errors
    /// Why it cannot; see [`Refused`].
    pub fn expire(&self, now: UnixMillis) -> Result<Step, Refused> {
        if now < self.expires {
            return Err(Refused::NotExpired);
        }
        self.release(Event::Expire, Cancellation::Expired, now)
    }

    fn release(&self, event: Event, why: Cancellation, now: UnixMillis) -> Result<Step, Refused> {
        let mut step = Step::from(self, now).on(event)?.opening(OperationKind::Void, self.amount)?;
        step.payment.cancellation = Some(why);
        Ok(step)
    }

    /// The provider is going to be asked to give `amount` back, or all that is left. It is reserved at once,
    /// so that no two refunds together can give back more than was taken.
    ///
    /// # Errors
    /// Why it cannot; see [`Refused`].
    pub fn refund(&self, amount: Option<Money>, now: UnixMillis) -> Result<Step, Refused> {
        let step = Step::from(self, now).on(Event::Refund)?;
        // No more is ever captured than an amount of 64 bits, hence what is left has room, too.
        let left = i64::try_from(self.balance.available()).map_err(|_| MoneyError::Overflow)?;
        let left = Money::new(left, self.amount.currency());
        let amount = amount.unwrap_or(left);
        positive(amount)?;
        if left.checked_sub(amount)?.minor() < 0 {
            return Err(Refused::AboveCaptured);
        }
        let step = step.opening(OperationKind::Refund, amount)?;
        let key = step.payment.operation();
        step.moving(key, Phase::Pending, Direction::Refund, amount, None)
    }
}

fn positive(amount: Money) -> Result<(), Refused> {
    if amount.is_positive() { Ok(()) } else { Err(Refused::NotPositive) }
}
