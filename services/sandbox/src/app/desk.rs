//! The desk: takes orders, answers what was done, and misbehaves as the token wants.

use std::{sync::Arc, time::Duration};

use service_kit::clock::Clock;
use tokio::sync::Notify;

use crate::{
    domain::{Key, Order, Outcome, Token, Transaction},
    error::Error,
    store::{Store, Taken},
};

/// The use cases of a provider. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    store: Store,
    clock: Clock,
    slow_by: Duration,
    /// Rung when something is to be settled.
    bell: Arc<Notify>,
}

impl Desk {
    pub(crate) fn new(store: Store, clock: Clock, slow_by: Duration, bell: Arc<Notify>) -> Self {
        Self { store, clock, slow_by, bell }
    }

    /// Carries an order out, or answers as before. Whatever it answers is on disk; what the token makes of the
    /// answer comes after that, so a caller who waits in vain finds by [`Desk::find`] that it was done.
    pub(crate) async fn execute(&self, order: Order) -> Result<Transaction, Error> {
        let token = Token::of(&order.method);
        let (transaction, is_first) = match self.store.take(order, self.clock.now()).await? {
            Taken::Failed => return Err(Error::OnPurpose),
            Taken::Now(transaction) => (transaction, true),
            Taken::Before(transaction) => (transaction, false),
        };
        if transaction.outcome == Outcome::Pending {
            self.bell.notify_one();
        }
        match token {
            // The server ends the call at its deadline: by the contract it has one.
            Token::TimesOut if is_first => std::future::pending().await,
            Token::Slow => tokio::time::sleep(self.slow_by).await,
            _ => {}
        }
        Ok(transaction)
    }

    /// What was done under a key.
    pub(crate) async fn find(&self, key: Key) -> Result<Transaction, Error> {
        self.store.find(key.clone()).await?.ok_or(Error::NotFound(key))
    }

    /// Up to `limit` transactions, the one after the place `after` first, and whether there are more.
    pub(crate) async fn list(&self, after: u64, limit: usize) -> Result<(Vec<Transaction>, bool), Error> {
        let mut listed = self.store.list(after, limit + 1).await?;
        let more = listed.len() > limit;
        listed.truncate(limit);
        Ok((listed, more))
    }
}
