//! The engine's bounds.

use std::num::NonZeroUsize;

/// The engine's bounds. [`EngineConfig::default`] suits a service on a laptop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineConfig {
    /// Bytes of pages that redb keeps in memory, read and written ones together. Default 32 MiB: redb's own
    /// default is 1 GiB, far beyond what a service of 64 MB may use.
    pub cache_bytes: usize,
    /// The most jobs in one transaction. Default 1024: beyond that the fsync is already paid for, and the
    /// first job in the group would wait for the last.
    pub group_jobs_max: NonZeroUsize,
    /// Jobs that may wait for the writer; callers beyond that wait for room. Default 2048.
    pub queue_jobs_max: NonZeroUsize,
    /// Threads that read. Default 4. Each runs the reads that wait, a few at a time.
    pub readers: NonZeroUsize,
    /// Reads that may wait for a reader; callers beyond that wait for room. Default 1024.
    pub queue_reads_max: NonZeroUsize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        const fn bound(value: usize) -> NonZeroUsize {
            NonZeroUsize::new(value).expect("every default is above zero")
        }
        Self {
            cache_bytes: 32 << 20,
            group_jobs_max: bound(1024),
            queue_jobs_max: bound(2048),
            readers: bound(4),
            queue_reads_max: bound(1024),
        }
    }
}
