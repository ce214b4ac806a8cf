//! The engine's handle: what services call.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    EngineConfig, EngineFailure, FailureCause, OpenError, StorageError, WriteError,
    error::panic_text,
    job::Task,
    open,
    reader::{self, Read},
    writer::{Command, Writer},
};

/// A handle of the embedded store. Clones are cheap and share one file, one writer thread and a few readers.
///
/// When the last clone is dropped without [`Engine::close`], the writer still finishes what was accepted and
/// closes the file, on its own thread.
#[derive(Clone)]
pub struct Engine {
    commands: mpsc::Sender<Command>,
    reads: mpsc::Sender<Read>,
    shared: Arc<Shared>,
}

/// How much the writer has done since the engine was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineStats {
    /// Transactions that were committed, each with one fsync.
    pub commits: u64,
    /// Jobs that were answered, refusals included.
    pub jobs: u64,
}

/// What the handles and the writer share.
pub(super) struct Shared {
    // A lock for taking the database out at the end. It is held for `begin_*` only, never across I/O.
    database: RwLock<Option<Database>>,
    status: watch::Sender<Status>,
    pub(super) commits: AtomicU64,
    pub(super) jobs: AtomicU64,
}

/// Whether the engine still works, and if not, why.
#[derive(Clone)]
pub(super) enum Status {
    Open,
    Failed(EngineFailure),
    Closed,
}

// === impl Engine ===

impl Engine {
    /// Opens the database file at `path`, or makes it together with its folder, and starts the writer thread.
    ///
    /// Blocks on the disk: call it while the process starts. After a crash redb checks the whole file first,
    /// which takes time in proportion to its size.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing was changed then.
    pub fn open(path: &Path, config: EngineConfig) -> Result<Self, OpenError> {
        let database = open::database(path, config.cache_bytes)?;
        let shared = Arc::new(Shared {
            database: RwLock::new(Some(database)),
            status: watch::Sender::new(Status::Open),
            commits: AtomicU64::new(0),
            jobs: AtomicU64::new(0),
        });
        let (commands, queue) = mpsc::channel(config.queue_jobs_max.get());
        let writer = Writer::new(queue, Arc::clone(&shared), config.group_jobs_max.get());
        // The threads need no owner who joins them: each ends when its queue does, and `close` waits for the
        // last thing the writer does.
        let thread = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
            spawned
                .map_err(|source| OpenError::Other { path: path.to_owned(), source: Box::new(source.into()) })
        };
        thread("engine-writer", Box::new(move || writer.run()))?;
        let (reads, queue) = mpsc::channel(config.queue_reads_max.get());
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..config.readers.get() {
            let (queue, shared) = (Arc::clone(&queue), Arc::clone(&shared));
            thread("engine-reader", Box::new(move || reader::run(&queue, &shared)))?;
        }
        Ok(Self { commands, reads, shared })
    }

    /// Runs `job` on the writer thread, in one transaction with whatever else waits, and answers when that
    /// transaction is on disk. Jobs run in the order in which they entered the queue, and each one sees what
    /// the ones before it wrote.
    ///
    /// The job validates first and writes then: when it refuses (`Ok(Err(_))`) it must have left the
    /// transaction as it found it, because the transaction of the whole group is committed. A table that it
    /// opened must be closed again (dropped) before it returns.
    ///
    /// Once the call has entered the queue the job runs, even if the caller goes away.
    ///
    /// # Errors
    /// [`WriteError::Refused`] with the job's own refusal, which holds against durable state;
    /// [`WriteError::Storage`] when the engine is closed (nothing written) or failed (outcome unknown). An
    /// `Err(redb::Error)` from the job, and a panic in it, fail the engine for good.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, WriteError<E>>
    where
        F: FnOnce(&WriteTransaction) -> Result<Result<T, E>, redb::Error> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let (task, answer) = Task::boxed(job);
        if self.commands.send(Command::Run(task)).await.is_err() {
            return Err(WriteError::Storage(self.shared.refusal()));
        }
        answer.await.unwrap_or_else(|_| Err(WriteError::Storage(self.shared.lost())))
    }

    /// Runs `job` on a reader thread against a snapshot of what was committed by then. Keep it short: a long read
    /// keeps others waiting, and old pages alive, which makes the file grow.
    ///
    /// # Errors
    /// [`StorageError::Read`] with what `job` returned, [`StorageError::Closed`] and [`StorageError::Failed`]
    /// when the engine no longer works, [`StorageError::ReadPanicked`] when `job` panicked.
    pub async fn read<T, F>(&self, job: F) -> Result<T, StorageError>
    where
        F: FnOnce(&ReadTransaction) -> Result<T, redb::Error> + Send + 'static,
        T: Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let read: Read = Box::new(move |snapshot| {
            // A caller who went away while the read waited wants nothing any more.
            if caller.is_closed() {
                return;
            }
            let read =
                snapshot.map_err(|error| shared.unread(error)).and_then(|snapshot| {
                    match catch_unwind(AssertUnwindSafe(|| job(snapshot))) {
                        Ok(read) => read.map_err(|error| shared.unread(error)),
                        Err(payload) => Err(StorageError::ReadPanicked(panic_text(&*payload))),
                    }
                });
            let _ = caller.send(read);
        });
        if self.reads.send(read).await.is_err() {
            return Err(self.shared.refusal());
        }
        answer.await.unwrap_or_else(|_| Err(self.shared.refusal()))
    }

    /// Resolves when the engine failed for good, with the cause; never otherwise. The process should then
    /// stop with exit code 1, because nothing more can be promised.
    pub async fn failed(&self) -> EngineFailure {
        let mut status = self.shared.status.subscribe();
        let failed = status.wait_for(|status| matches!(status, Status::Failed(_))).await;
        match failed.as_deref() {
            Ok(Status::Failed(failure)) => failure.clone(),
            // A sane close, after which nothing can fail.
            _ => std::future::pending().await,
        }
    }

    /// Takes no more writes, finishes the accepted ones, closes the file and resolves when it is closed.
    /// Reads that still run end with [`StorageError::Closed`].
    ///
    /// # Errors
    /// The cause, when the engine failed before or during the close.
    pub async fn close(&self) -> Result<(), EngineFailure> {
        // An error means that somebody else closed it first: then this call waits for the same end.
        let _ = self.commands.send(Command::Close).await;
        let mut status = self.shared.status.subscribe();
        let ended = status.wait_for(|status| !matches!(status, Status::Open)).await;
        match ended.as_deref() {
            Ok(Status::Failed(failure)) => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    /// How much was written since the engine was opened.
    pub fn stats(&self) -> EngineStats {
        EngineStats {
            commits: self.shared.commits.load(Ordering::Relaxed),
            jobs: self.shared.jobs.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    /// Begins the writer's transaction. redb's default durability is `Immediate`: an fsync per commit.
    pub(super) fn begin_write(&self) -> Result<WriteTransaction, redb::Error> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        Ok(database.as_ref().ok_or(redb::Error::DatabaseClosed)?.begin_write()?)
    }

    /// Begins a snapshot of what is committed by now.
    pub(super) fn begin_read(&self) -> Result<ReadTransaction, redb::Error> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        Ok(database.as_ref().ok_or(redb::Error::DatabaseClosed)?.begin_read()?)
    }

    /// Why a read gave nothing.
    fn unread(&self, error: redb::Error) -> StorageError {
        match error {
            redb::Error::DatabaseClosed | redb::Error::PreviousIo => self.refusal(),
            error => StorageError::Read(error),
        }
    }

    /// Closes the file and then publishes how the engine ended. A failed close is a failed engine: redb
    /// records there what spares the next start a check of the whole file.
    pub(super) fn close(&self, status: Status) {
        let database = self.database.write().unwrap_or_else(PoisonError::into_inner).take();
        let closed = database.map_or(Ok(()), Database::close);
        let status = match (status, closed) {
            (Status::Closed, Err(error)) => {
                Status::Failed(EngineFailure(Arc::new(FailureCause::Database(error.into()))))
            }
            (status, _) => status,
        };
        self.status.send_replace(status);
    }

    /// Why an accepted job has no answer.
    fn lost(&self) -> StorageError {
        match self.refusal() {
            StorageError::Closed => {
                let cause = FailureCause::Panic("the writer thread is gone".to_owned());
                StorageError::Failed(EngineFailure(Arc::new(cause)))
            }
            failed => failed,
        }
    }

    /// Why a job is not accepted any more.
    fn refusal(&self) -> StorageError {
        match &*self.status.borrow() {
            Status::Failed(failure) => StorageError::Failed(failure.clone()),
            Status::Open | Status::Closed => StorageError::Closed,
        }
    }
}
