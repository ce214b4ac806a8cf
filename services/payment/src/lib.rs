//! The payment service's books: what a payment is, and where it is kept. Nothing speaks to the network yet.
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
//!    [`lapsed`](store::PaymentStore::lapsed) which authorisations to `expire`. Neither scans payments.
//! 4. On [`StoreError::Stale`](store::StoreError::Stale) read the [`Standing`](store::Standing) again and
//!    decide again: the step may not be possible any more, or be there already.
//!
//! # What whoever builds on this must do
//! - Give every mutating call a request; on [`Applied::Before`](store::Applied::Before) answer with the
//!   payment as it is and the outcome of the operation named, which may be a refusal.
//! - Skip payments in [`State::NeedsReconciliation`](domain::State::NeedsReconciliation) when driving open
//!   operations; they wait for a person or for the reconciliation job.
//! - Name events by [`PaymentId::event_id`](domain::PaymentId::event_id) and the payment's version, one for
//!   each commit that is told of. An immediate capture begins in the commit that authorises.
//! - Prove a book by folding its entries into a [`Ledger`](domain::Ledger) and comparing balances.
//!   Balances have 128 bits; the API's amounts have 64, and must say so when a sum does not fit.

pub mod domain;
pub mod provider;
pub mod store;
