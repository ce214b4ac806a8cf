//! The thread that writes, and its end.

use std::{fmt, io::Write};

use tracing::{Dispatch, dispatcher, warn};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// How many lines wait for a slow stderr at most; further ones are dropped and counted. Logging must never
/// stop a thread that serves calls, so a line is given up before the thread is.
pub const LINES_MAX: usize = 16_384;

/// Keeps logging alive. Its drop writes the lines still queued, for at most a second or so, and then says
/// how many were dropped, if any.
#[must_use = "logging ends when the guard is dropped"]
pub struct LogGuard {
    worker: Option<WorkerGuard>,
    dropped: ErrorCounter,
    direct: Box<dyn Fn() -> Dispatch + Send + Sync>,
}

impl LogGuard {
    /// Starts the thread that writes to `output`. What the guard itself has to say in the end goes to
    /// what `direct` makes, past the queue.
    ///
    /// It is made in the end and not before: while there are two subscribers that do not agree on what is logged,
    /// each is asked anew about every line of the process, those of `trace!` among them. That took a tenth of a
    /// server's time.
    pub(super) fn start(
        output: impl Write + Send + 'static,
        direct: impl Fn() -> Dispatch + Send + Sync + 'static,
    ) -> (NonBlocking, Self) {
        let (lines, worker) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(LINES_MAX)
            .thread_name("log-writer")
            .finish(output);
        let dropped = lines.error_counter();
        (lines, Self { worker: Some(worker), dropped, direct: Box::new(direct) })
    }

    /// How many lines were dropped so far because stderr was too slow.
    pub fn dropped_lines(&self) -> usize {
        self.dropped.dropped_lines()
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        drop(self.worker.take());
        let dropped_lines = self.dropped_lines();
        if dropped_lines > 0 {
            dispatcher::with_default(&(self.direct)(), || {
                warn!(dropped_lines, "log lines were dropped because stderr was too slow");
            });
        }
    }
}

impl fmt::Debug for LogGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogGuard").field("dropped_lines", &self.dropped_lines()).finish_non_exhaustive()
    }
}
