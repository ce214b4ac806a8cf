//! The books of one authorization, and what they allow.

use iso_currency::Currency;
use thiserror::Error;

use super::{Kind, Order};

/// The books of one authorization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The money that is or was held; nothing before it was authorized.
    pub hold: Option<Hold>,
    /// Whether an operation is taken on and not settled yet. Nothing else begins before that.
    pub is_busy: bool,
}

/// Money that is or was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its currency. All amounts are in its minor unit.
    pub currency: Currency,
    /// How much was held.
    pub authorized: i64,
    /// How much of it was taken, once; the rest was released then.
    pub captured: i64,
    /// Whether it was released before any was taken.
    pub is_voided: bool,
    /// How much was given back, in all.
    pub refunded: i64,
}

/// Why an operation is not possible by the books. Nothing was done, and nothing is recorded.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
pub enum Impossible {
    /// Another operation of the authorization is not settled yet. It may be possible once it is.
    #[error("another operation of this authorization is pending")]
    Pending,
    /// The money is held already, or was.
    #[error("it is authorized already")]
    AlreadyAuthorized,
    /// No money was ever held.
    #[error("nothing was authorized")]
    NotAuthorized,
    /// The money was taken already.
    #[error("it was captured already")]
    AlreadyCaptured,
    /// The money was released already.
    #[error("it was voided already")]
    AlreadyVoided,
    /// No money was taken.
    #[error("nothing was captured")]
    NotCaptured,
    /// The money is of another currency.
    #[error("it was authorized in another currency")]
    OtherCurrency,
    /// More would be taken than is held.
    #[error("more than was authorized")]
    AboveAuthorized,
    /// Something else than all that is held would be released.
    #[error("not the amount that was authorized")]
    OtherAmount,
    /// More would be given back than was taken and not given back yet.
    #[error("more than was captured and not refunded")]
    AboveCaptured,
}

impl Impossible {
    /// The reason, as programs read it.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Pending => "OPERATION_PENDING",
            Self::AlreadyAuthorized => "ALREADY_AUTHORIZED",
            Self::NotAuthorized => "NOT_AUTHORIZED",
            Self::AlreadyCaptured => "ALREADY_CAPTURED",
            Self::AlreadyVoided => "ALREADY_VOIDED",
            Self::NotCaptured => "NOT_CAPTURED",
            Self::OtherCurrency => "OTHER_CURRENCY",
            Self::AboveAuthorized => "ABOVE_AUTHORIZED",
            Self::OtherAmount => "OTHER_AMOUNT",
            Self::AboveCaptured => "ABOVE_CAPTURED",
        }
    }
}

impl Account {
    /// The books after the order was carried out.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn after(&self, order: &Order) -> Result<Self, Impossible> {
        if self.is_busy {
            return Err(Impossible::Pending);
        }
        let hold = match (order.kind, &self.hold) {
            (Kind::Authorize, None) => Hold {
                currency: order.currency,
                authorized: order.amount_minor,
                captured: 0,
                is_voided: false,
                refunded: 0,
            },
            (Kind::Authorize, Some(_)) => return Err(Impossible::AlreadyAuthorized),
            (_, None) => return Err(Impossible::NotAuthorized),
            (_, Some(hold)) => hold.after(order)?,
        };
        Ok(Self { hold: Some(hold), is_busy: false })
    }
}

impl Hold {
    fn after(&self, order: &Order) -> Result<Self, Impossible> {
        if order.currency != self.currency {
            return Err(Impossible::OtherCurrency);
        }
        match order.kind {
            Kind::Authorize => Err(Impossible::AlreadyAuthorized),
            Kind::Capture => {
                self.must_be_held()?;
                if order.amount_minor > self.authorized {
                    return Err(Impossible::AboveAuthorized);
                }
                Ok(Self { captured: order.amount_minor, ..self.clone() })
            }
            Kind::Void => {
                self.must_be_held()?;
                if order.amount_minor != self.authorized {
                    return Err(Impossible::OtherAmount);
                }
                Ok(Self { is_voided: true, ..self.clone() })
            }
            Kind::Refund if self.captured == 0 => Err(Impossible::NotCaptured),
            // No more was given back than taken, so neither the difference nor the sum is too large.
            Kind::Refund if order.amount_minor > self.captured - self.refunded => {
                Err(Impossible::AboveCaptured)
            }
            Kind::Refund => Ok(Self { refunded: self.refunded + order.amount_minor, ..self.clone() }),
        }
    }

    fn must_be_held(&self) -> Result<(), Impossible> {
        if self.captured > 0 {
            return Err(Impossible::AlreadyCaptured);
        }
        if self.is_voided { Err(Impossible::AlreadyVoided) } else { Ok(()) }
    }
}
