//! A payment, the steps it can take, and what a step must be to be kept.

mod begin;
mod broken;
mod check;
mod refused;
mod settle;
mod step;

use service_kit::clock::UnixMillis;

pub use broken::Broken;
pub use check::Before;
pub use refused::Refused;
pub use step::Step;

use super::{Balance, BookId, DeclineCode, Money, PaymentId, PaymentMethod, ProviderKey, State, UserId};

/// The most operations of one payment: all but two or three are refunds, and the last can only be a release.
pub const MAX_OPERATIONS: u32 = 1_000;

/// What a user pays. It changes only by a [`Step`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Names it.
    pub id: PaymentId,
    /// Who pays.
    pub user: UserId,
    /// How much is authorized; more is never taken.
    pub amount: Money,
    /// What it is paid with.
    pub method: PaymentMethod,
    /// Whether all of it is taken as soon as it is authorized.
    pub is_immediate: bool,
    /// From when on an authorization is not captured any more, but released.
    pub expires: UnixMillis,
    /// How far it has come.
    pub state: State,
    /// What its own transfers add up to.
    pub balance: Balance,
    /// How many operations the provider was or will be asked for; the newest has this number.
    pub operations: u32,
    /// Why the provider refused the newest operation, if it did.
    pub decline: Option<DeclineCode>,
    /// Why its authorization was or will be released, if so.
    pub cancellation: Option<Cancellation>,
    /// 1 when created, one more with every step.
    pub version: u64,
    /// When it was created.
    pub created: UnixMillis,
    /// When it last changed.
    pub updated: UnixMillis,
}

/// Why an authorization is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cancellation {
    /// Somebody asked for it.
    Asked,
    /// Nobody captured it in time.
    Expired,
}

/// What somebody wants to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayment {
    /// Names it.
    pub id: PaymentId,
    /// Who pays.
    pub user: UserId,
    /// How much; above zero.
    pub amount: Money,
    /// With what.
    pub method: PaymentMethod,
    /// Whether all of it is taken as soon as it is authorized.
    pub is_immediate: bool,
    /// From when on an authorization is not captured any more.
    pub expires: UnixMillis,
}

impl Payment {
    /// The book that the payment is kept in.
    #[must_use]
    pub fn book(&self) -> BookId {
        BookId { user: self.user, currency: self.amount.currency() }
    }

    /// The newest operation, which is the only one that can be open.
    #[must_use]
    pub fn operation(&self) -> ProviderKey {
        self.numbered(self.operations)
    }

    /// When the authorization must be released, as long as it is held and nobody does anything about it.
    #[must_use]
    pub fn lapses(&self) -> Option<UnixMillis> {
        (self.state == State::Authorized).then_some(self.expires)
    }

    /// The operation that reserves the money: always the first.
    fn authorization(&self) -> ProviderKey {
        self.numbered(1)
    }

    fn numbered(&self, seq: u32) -> ProviderKey {
        ProviderKey { payment: self.id, seq }
    }
}

#[cfg(test)]
mod tests;
