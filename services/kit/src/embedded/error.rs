//! What can go wrong with the engine, and what a caller may conclude from it.

use std::{io, path::PathBuf, sync::Arc};

/// Why the engine's file could not be opened. Nothing was changed by the attempt.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process (or another engine of this process) has the file open.
    #[error("{} is already in use by another process; stop it or choose another data folder", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The folder of the file could not be made, or its entries not be made durable.
    #[error("cannot create the data folder {}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The file may not be created, read or written by this user.
    #[error("no permission to read and write {}", .path.display())]
    Permission {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// There is no room for the file.
    #[error("the disk that holds {} is full", .path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The file is something else than an engine's database.
    #[error("{} is not a database of this platform", .path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file was a database once, and its contents contradict themselves now.
    #[error("{} is damaged ({detail}); restore it from a copy", .path.display())]
    Corrupted {
        /// The file.
        path: PathBuf,
        /// What redb found.
        detail: String,
    },
    /// The file was written by another version of the platform, in a layout that this one cannot read.
    #[error("{} has format {found}, this version reads format {supported}", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The layout's number in the file.
        found: u64,
        /// The layout's number that this version reads and writes.
        supported: u64,
    },
    /// Anything else that the operating system or redb reported.
    #[error("cannot open {}", .path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What was reported.
        #[source]
        source: Box<redb::Error>,
    },
}

/// What made the engine stop for good.
#[derive(Debug, thiserror::Error)]
pub enum FailureCause {
    /// redb or the operating system failed, for example because the disk is full.
    #[error("the database reported an error")]
    Database(#[source] redb::Error),
    /// A job or redb itself panicked; the transaction's state is unknown.
    #[error("a write panicked: {0}")]
    Panic(String),
}

/// The engine met an error after which it must not go on; the process should exit and start again.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the embedded store failed and stopped for good")]
pub struct EngineFailure(#[source] pub Arc<FailureCause>);

/// Why a read failed, or why a write has no known outcome.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The engine was closed before the job began: nothing was written.
    #[error("the embedded store is closed")]
    Closed,
    /// The engine failed while the job waited or ran: whether it was written is unknown until the file is
    /// opened again.
    #[error("the outcome is unknown")]
    Failed(#[source] EngineFailure),
    /// A read failed. The engine goes on; after an error of the disk redb refuses the next write, which ends it.
    #[error("a read of the embedded store failed")]
    Read(#[source] redb::Error),
    /// A read panicked; the engine goes on.
    #[error("a read of the embedded store panicked: {0}")]
    ReadPanicked(String),
}

/// Why a write was not done.
#[derive(Debug, thiserror::Error)]
pub enum WriteError<E> {
    /// The job refused, and nothing of it was written. The state it refused upon is durable.
    #[error("the write was refused")]
    Refused(#[source] E),
    /// The store could not do it.
    #[error("the write was not acknowledged")]
    Storage(#[source] StorageError),
}

// === impl EngineFailure ===

impl EngineFailure {
    /// Whether the cause is a full disk, which an operator can mend.
    pub fn is_disk_full(&self) -> bool {
        matches!(&*self.0, FailureCause::Database(redb::Error::Io(e)) if is_disk_full(e))
    }
}

/// A full disk, a used-up quota, and a file that reached the process's size limit are one thing to an operator.
pub(super) fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// Renders what a panic carried, for logs.
pub(super) fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
