//! One write in the writer's queue: a closure, its result, and the caller who waits for it.

use redb::WriteTransaction;
use tokio::sync::oneshot;

use super::WriteError;

/// What the writer knows of a job: `run`, and after the commit `answer`. A job that is dropped instead tells its
/// caller that the engine stopped.
pub(super) trait Job: Send {
    /// Runs the job inside the group's transaction and keeps its result.
    ///
    /// # Errors
    /// What redb reported; the transaction must not be committed then.
    fn run(&mut self, txn: &WriteTransaction) -> Result<Effect, redb::Error>;

    /// Hands the kept result to the caller. Only after the commit.
    fn answer(self: Box<Self>);
}

/// What a job did to the transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It wrote, or may have.
    Wrote,
    /// It refused and left the transaction untouched.
    Nothing,
}

/// A job made of a closure.
pub(super) struct Task<F, T, E> {
    step: Step<F, T, E>,
    caller: oneshot::Sender<Result<T, WriteError<E>>>,
}

enum Step<F, T, E> {
    Waiting(F),
    Running,
    Ran(Result<T, E>),
}

// === impl Task ===

impl<F, T, E> Task<F, T, E> {
    /// Boxes a closure for the queue, and gives the end at which its result arrives.
    pub(super) fn boxed(job: F) -> (Box<Self>, oneshot::Receiver<Result<T, WriteError<E>>>) {
        let (caller, answer) = oneshot::channel();
        (Box::new(Self { step: Step::Waiting(job), caller }), answer)
    }
}

impl<F, T, E> Job for Task<F, T, E>
where
    F: FnOnce(&WriteTransaction) -> Result<Result<T, E>, redb::Error> + Send,
    T: Send,
    E: Send,
{
    fn run(&mut self, txn: &WriteTransaction) -> Result<Effect, redb::Error> {
        let Step::Waiting(job) = std::mem::replace(&mut self.step, Step::Running) else {
            return Ok(Effect::Nothing);
        };
        let result = job(txn)?;
        let effect = if result.is_ok() { Effect::Wrote } else { Effect::Nothing };
        self.step = Step::Ran(result);
        Ok(effect)
    }

    fn answer(self: Box<Self>) {
        // A caller that went away does not undo the write, and nobody is left to tell. A job that never ran
        // drops its sender, which its caller reads as unknown.
        if let Step::Ran(result) = self.step {
            let _ = self.caller.send(result.map_err(WriteError::Refused));
        }
    }
}
