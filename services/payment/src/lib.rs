//! The payment service: what users pay, the books about it, and what is asked of the provider.
//!
//! The way in is [`grpc`]; [`app`] decides what to do and when; [`clients`] asks who is a user and [`provider`]
//! moves money; [`events`] says what is published.
//!
//! [`domain`] decides: a [`Payment`](domain::Payment) makes a [`Step`](domain::Step) of what happens to it, by
//! the [`TRANSITIONS`](domain::TRANSITIONS) table and the ledger's rules. [`store`] keeps: a
//! [`Commit`](store::Commit) is a step with its request and its event, all or nothing, upon the version of the
//! book that it was made from. The store judges each step once more by what it holds, so that no caller can
//! make the books wrong.
//!
//! # How a payment is driven
//! 1. `Payment::create`, `capture`, `cancel`, `expire` and `refund` open an operation. It is kept **before**
//!    the provider is asked, under a key that is the same for ever.
//! 2. The provider is asked under [`Operation::key`](domain::Operation). Its answer is kept by
//!    `Payment::settle`. An answer that is not known is no outcome: look it up, or ask again under the same
//!    key. When time is up, `Payment::give_up` asks for somebody to look, and `Payment::resume` goes on.
//! 3. After a crash [`open_operations`](store::PaymentStore::open_operations) says what to go on with, and
//!    [`lapsed`](store::PaymentStore::lapsed) which authorizations to `expire`. Neither scans payments, nor comes
//!    upon what was [`given_up`](store::PaymentStore::given_up).
//! 4. On [`StoreError::Stale`](store::StoreError::Stale) read the [`Standing`](store::Standing) again and
//!    decide again: the step may not be possible any more, or be there already.
//!
//! # What callers can rely on
//! - A request that comes again within seven days gets the payment as it is by then, whatever has happened
//!   since; the provider is asked for what it began once, under one key. After that it is a new request.
//! - An answer means that what it says is durable. A state that ends in ING means that the outcome is being
//!   found out, whether or not the caller waits, and also after a crash.
//! - Every step that is told of is told by one event, kept with the step: under an id made from the payment and
//!   its version, so that it can be told apart from a repeat.
//! - What cannot be found out, or contradicts the books, is never decided by guessing: the payment needs
//!   reconciliation, and nothing else happens to it until the provider's own books have been asked.
//! - A book can be proved by folding its entries into a [`Ledger`](domain::Ledger) and comparing balances.
//!   Balances have 128 bits; the API's amounts have 64, and it says so when a sum does not fit.

pub mod app;
pub mod clients;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
pub mod open;
pub mod provider;
mod seeded;
mod service;
pub mod store;

pub use config::PaymentConfig;
pub use service::PaymentService;
