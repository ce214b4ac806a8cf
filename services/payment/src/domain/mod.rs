//! What a payment is: types that cannot hold a wrong value, rules that are data, and no I/O.

mod currency;
mod event;
mod id;
mod ledger;
mod method;
mod money;
mod operation;
mod payment;
mod state;
mod transitions;

pub use currency::Currency;
pub use event::Event;
pub use id::{BookId, PaymentId, UserId};
pub use ledger::{
    Account, Balance, Direction, Ledger, LedgerError, NotPositive, Phase, Transfer, TransferId,
};
pub use method::PaymentMethod;
pub use money::{Money, MoneyError};
pub use operation::{DeclineCode, InvalidProviderKey, Operation, OperationKind, Outcome, ProviderKey};
pub use payment::{Before, Broken, Cancellation, MAX_OPERATIONS, NewPayment, Payment, Refused, Step};
pub use state::State;
pub use transitions::{Refusal, TRANSITIONS};
