//! The writer thread: takes a group, runs it, commits it, answers it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
};

use fail::fail_point;
use redb::Durability;
use tokio::sync::mpsc;

use super::{
    EngineFailure, FailureCause,
    engine::{Shared, Status},
    error::panic_text,
    job::{Effect, Job},
};

/// What a handle asks of the writer.
pub(super) enum Command {
    /// Run a job.
    Run(Box<dyn Job>),
    /// Take no more commands, finish the ones in the queue, close the file.
    Close,
}

/// The writer's half of the engine. Owns the queue's end; [`Writer::run`] is the thread's whole life.
pub(super) struct Writer {
    commands: mpsc::Receiver<Command>,
    shared: Arc<Shared>,
    group_jobs_max: usize,
}

// === impl Writer ===

impl Writer {
    pub(super) fn new(commands: mpsc::Receiver<Command>, shared: Arc<Shared>, group_jobs_max: usize) -> Self {
        Self { commands, shared, group_jobs_max }
    }

    /// Works until the queue is closed and empty, or until a group fails.
    pub(super) fn run(mut self) {
        let mut commands = Vec::with_capacity(self.group_jobs_max);
        let mut group = Vec::with_capacity(self.group_jobs_max);
        // Everything that waits is taken at once. While a commit is in its fsync the next group gathers by
        // itself, so a timer that waits for company would only add to the latency of a lone writer.
        while self.commands.blocking_recv_many(&mut commands, self.group_jobs_max) > 0 {
            self.sort(&mut commands, &mut group);
            if group.is_empty() {
                continue;
            }
            match self.commit(&mut group) {
                Ok(()) => group.drain(..).for_each(Job::answer),
                Err(cause) => return self.stop(group, cause),
            }
        }
        self.shared.close(Status::Closed);
    }

    fn sort(&mut self, commands: &mut Vec<Command>, group: &mut Vec<Box<dyn Job>>) {
        for command in commands.drain(..) {
            match command {
                Command::Run(job) => group.push(job),
                // What is already in the queue was accepted and is still done.
                Command::Close => self.commands.close(),
            }
        }
    }

    /// Runs a group in one transaction. A panic is caught outside the transaction's life, so that redb can
    /// give its pages back in order.
    fn commit(&self, group: &mut [Box<dyn Job>]) -> Result<(), FailureCause> {
        let mut txn = self.shared.begin_write().map_err(FailureCause::Database)?;
        if forgets_fsync() {
            let set = txn.set_durability(Durability::None);
            set.map_err(|error| FailureCause::Database(error.into()))?;
        }
        let mut effect = Effect::Nothing;
        let ran = catch_unwind(AssertUnwindSafe(|| {
            for job in group.iter_mut() {
                if job.run(&txn)? == Effect::Wrote {
                    effect = Effect::Wrote;
                }
            }
            Ok(())
        }));
        match ran {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(FailureCause::Database(error)),
            Err(payload) => return Err(FailureCause::Panic(panic_text(&*payload))),
        }
        // A group of refusals changed nothing: it costs no fsync. What they saw was committed before.
        let end = catch_unwind(AssertUnwindSafe(|| match effect {
            Effect::Wrote => {
                // Every job has run, and nothing of it is there.
                fail_point!("store.before-commit");
                txn.commit().map_err(redb::Error::from)?;
                // All of it is there, and nobody was told.
                fail_point!("store.after-commit");
                Ok(())
            }
            Effect::Nothing => txn.abort().map_err(redb::Error::from),
        }));
        match end {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(FailureCause::Database(error)),
            Err(payload) => return Err(FailureCause::Panic(panic_text(&*payload))),
        }
        self.shared.jobs.fetch_add(group.len() as u64, Ordering::Relaxed);
        self.shared.commits.fetch_add(u64::from(effect == Effect::Wrote), Ordering::Relaxed);
        Ok(())
    }

    /// Ends the engine after a failure: nobody who waits is left without an answer.
    fn stop(self, group: Vec<Box<dyn Job>>, cause: FailureCause) {
        let failure = EngineFailure(Arc::new(cause));
        tracing::error!(
            error = %mesh_telemetry::chain(&*failure.0),
            "embedded store failed, every waiting write has an unknown outcome"
        );
        // First the status: a job that is dropped without an answer, in this group or in the queue, makes its
        // caller look there for the reason.
        self.shared.close(Status::Failed(failure));
        drop(group);
    }
}

// Seeded bug, only with failpoints compiled in: a commit that is acknowledged is in memory only. That is more than its
// fsync left out, though it bears that name: what was written without an fsync survives the end of the process, and is
// lost only with the machine. A test can end a process, so the write itself is left out, too.
fn forgets_fsync() -> bool {
    fail_point!("bug.no-fsync", |_| true);
    false
}
