//! The driver: finds out how every operation ends, and says so in the books.
//!
//! An operation is open from the commit that decided it until the commit that says how it ended. In between
//! there is a [flight]: one task for each payment, never two, that asks the provider and keeps the
//! answer. Use cases begin one with the operation they have kept; a [sweep] begins one for every open
//! operation that nobody flies, which is all that recovery after a crash is; the reconciliation nudges, and
//! webhooks hint.
//!
//! - An operation is asked for under its own key, always. A flight that cannot know whether the provider was
//!   asked before looks the key up first, and asks (again) only if there is nothing.
//! - That an operation is not possible ends an authorization only if nobody can have asked for it before: else it
//!   may be impossible because it was done. Everything that contradicts the books is given up.
//! - An unknown answer is sought again with exponential backoff and full jitter, up to every five minutes, so a
//!   provider that is down is not stormed. A hint, which anybody can give, shortens a wait, but not below a
//!   floor that grows, too. After the budget the operation is given up, loudly; whoever takes it up again gives
//!   it the whole budget again.
//! - Flights are bounded; what finds no room stays open in the store, and a later sweep finds it.

mod ask;
mod backoff;
mod desk;
mod flight;
mod sweep;
#[cfg(test)]
mod tests;
mod watch;

use std::{sync::Arc, time::Duration};

use desk::Desk;
use tokio_util::sync::CancellationToken;
use watch::Watch;
pub(super) use watch::{Begun, outcome};

use super::Books;
use crate::{domain::PaymentId, provider::Provider, store::Standing};

/// Drives open operations and releases authorizations that have expired, as long as it runs.
#[derive(Clone, Debug)]
pub struct Driver(Arc<Desk>);

/// Asks the driver for something; never waits.
#[derive(Clone, Debug)]
pub struct DriverHandle(Arc<Desk>);

impl Driver {
    /// A driver that asks `provider` and keeps what it says in `books`, and gives an operation up whose outcome
    /// is not known `budget` after it was decided or last taken up again.
    #[must_use]
    pub fn new(books: Books, provider: Arc<dyn Provider>, budget: Duration) -> Self {
        Self(Arc::new(Desk::new(books, provider, budget)))
    }

    /// Through which others ask it for something.
    #[must_use]
    pub fn handle(&self) -> DriverHandle {
        DriverHandle(Arc::clone(&self.0))
    }

    /// Drives until `shutdown`; then what the provider is being asked is finished and kept, and everything
    /// else is left for the next start.
    pub async fn run(self, shutdown: CancellationToken) {
        sweep::run(&self.0, &shutdown).await;
        self.0.close().await;
    }
}

impl DriverHandle {
    /// Asks for the payment to be driven now: it was given up and is taken up again, or the provider's books say
    /// something else about it than ours.
    pub fn nudge(&self, payment: PaymentId) {
        self.0.nudge(payment);
    }

    /// Asks for the payment to be driven soon: somebody says that the provider has something to say about it.
    /// However often it is asked for, the provider is not asked more than every few seconds.
    pub fn hint(&self, payment: PaymentId) {
        self.0.hint(payment);
    }

    /// Drives what has just begun, of which the provider cannot know. `None` when there is no room: a later
    /// sweep does it.
    pub(super) fn begin(&self, at: Standing) -> Option<Watch> {
        self.0.begin(at)
    }

    /// Watches the payment being driven, which is begun if nobody does.
    pub(super) fn watch(&self, payment: PaymentId) -> Option<Watch> {
        self.0.watch(payment)
    }
}
