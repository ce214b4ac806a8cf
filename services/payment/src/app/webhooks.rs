//! What the provider calls us about.

use std::sync::Arc;

use super::DriverHandle;
use crate::{
    domain::{Operation, ProviderKey},
    error::Error,
    store::PaymentStore,
};

/// Hears what the provider calls about. Nothing that it says is believed: it makes us look the sooner.
#[derive(Clone)]
pub struct Webhooks {
    store: Arc<dyn PaymentStore>,
    driver: DriverHandle,
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhooks").finish_non_exhaustive()
    }
}

impl Webhooks {
    /// Hears about operations in `store`, and asks `driver` to look.
    #[must_use]
    pub fn new(store: Arc<dyn PaymentStore>, driver: DriverHandle) -> Self {
        Self { store, driver }
    }

    /// Something was done under `key`, somebody says. Has the operation driven if it is ours and open; anything else
    /// is of no interest.
    ///
    /// # Errors
    /// [`Error::Unavailable`], so that whoever called calls again.
    pub async fn hear(&self, key: &str) -> Result<(), Error> {
        let operation = match key.parse::<ProviderKey>() {
            Ok(key) => self.store.operation(key).await?,
            Err(_) => None,
        };
        match operation.filter(Operation::is_open) {
            Some(operation) => self.driver.hint(operation.key.payment),
            // Not the key itself: anybody can call, with anything.
            None => tracing::debug!("a webhook about nothing that is open here"),
        }
        Ok(())
    }
}
