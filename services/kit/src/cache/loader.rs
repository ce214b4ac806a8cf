//! What a cache reads through to.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;

/// How strong a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The store's usual read.
    Usual,
    /// A linearizable read: the usual one was behind a version that the cache already knows of.
    Strong,
}

/// A value and the version it has in the store; a newer value has a higher version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versioned<V> {
    /// The aggregate's version, from 1.
    pub version: u64,
    /// The value at that version.
    pub value: V,
}

/// The store behind a cache.
#[async_trait]
pub trait Loader<K, V>: Send + Sync + 'static {
    /// Reads one value, or `None` when there is none. Must not call the cache for the same key: it would wait for
    /// itself. The cache bounds the time it takes.
    ///
    /// # Errors
    /// Whatever kept the store from answering; the callers get it as the source of [`LoadError::Failed`].
    async fn load(&self, key: &K, read: Read) -> Result<Option<Versioned<V>>, Box<dyn Error + Send + Sync>>;

    /// The bytes that `key` and `value` hold on the heap. What the cache itself needs per entry is added to it.
    fn weight(&self, key: &K, value: &V) -> usize;
}

/// Why there is no answer. Cheap to clone: callers that waited for one load share one error.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadError {
    /// The store refused.
    #[error("load failed")]
    Failed(#[source] Arc<dyn Error + Send + Sync>),
    /// The store did not answer within [`super::CacheConfig::load_timeout`].
    #[error("load timed out")]
    TimedOut,
    /// The loader panicked; the panic hook has told where.
    #[error("load panicked")]
    Panicked,
    /// The cache is closed, or its runtime is shutting down.
    #[error("cache is closed")]
    Closed,
}
