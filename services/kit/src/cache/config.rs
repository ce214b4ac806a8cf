//! What bounds a cache.

use std::time::Duration;

/// Lifetimes and bounds; the default is what a profile wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// Names the cache in logs.
    pub name: &'static str,
    /// Memory at most, in bytes as [`super::Loader::weight`] counts them. At the bound Moka (TinyLFU) keeps what is
    /// asked for most.
    pub capacity_bytes: u64,
    /// How long a value is believed, ± 10 % by the key's hash; after 80 % of it a refresh runs in the background.
    pub present_ttl: Duration,
    /// How long "there is none" is believed, ± 50 % by the key's hash.
    pub absent_ttl: Duration,
    /// How long the version of an invalidation is remembered: longer than a replica lags.
    pub floor_ttl: Duration,
    /// How long one load may take.
    pub load_timeout: Duration,
    /// After a failed load, how long the key fails at once, or serves its old value, without another load.
    pub retry_after: Duration,
    /// Loads in flight at most; callers beyond wait for their turn.
    pub concurrent_loads: usize,
    /// How long nothing may be heard of changes made elsewhere before lifetimes shrink.
    pub interrupted_grace: Duration,
    /// How long anything is believed after that. Together with the grace, and with what it takes to notice, it bounds
    /// how old a value can be while nothing is heard.
    pub interrupted_ttl: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            name: "cache",
            capacity_bytes: 64 << 20,
            present_ttl: Duration::from_secs(3600),
            absent_ttl: Duration::from_secs(10),
            floor_ttl: Duration::from_secs(60),
            load_timeout: Duration::from_secs(2),
            retry_after: Duration::from_secs(1),
            concurrent_loads: 64,
            interrupted_grace: Duration::from_secs(5),
            interrupted_ttl: Duration::from_secs(5),
        }
    }
}
