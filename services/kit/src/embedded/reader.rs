//! The reader threads: each takes the reads that wait, and runs them on one snapshot.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use redb::ReadTransaction;
use tokio::sync::mpsc;

use super::{engine::Shared, error::panic_text};

/// One read in the queue: it runs on a snapshot, or hears why there is none, and answers its caller itself.
pub(super) type Read = Box<dyn FnOnce(Result<&ReadTransaction, redb::Error>) + Send>;

/// Reads that one thread takes at once. More would leave the other threads idle.
const BATCH_MAX: usize = 32;

/// The end of the queue that the threads share. Who holds it waits for work; the others wait for the holder.
pub(super) type Queue = Arc<Mutex<mpsc::Receiver<Read>>>;

/// One thread's whole life: until the queue is closed and empty.
///
/// A snapshot is begun after its reads were taken from the queue, so each of them sees every commit that was answered
/// before it was asked for. Beginning it and waking the thread is most of what a small read costs: under load many
/// reads share both.
pub(super) fn run(queue: &Queue, shared: &Shared) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while take(queue, &mut batch) > 0 {
        let snapshot = begin(shared);
        for read in batch.drain(..) {
            match &snapshot {
                Ok(snapshot) => read(Ok(snapshot)),
                // An error cannot be handed to many: each gets its own.
                Err(_) => match begin(shared) {
                    Ok(snapshot) => read(Ok(&snapshot)),
                    Err(error) => read(Err(error)),
                },
            }
        }
    }
}

/// A snapshot. A panic of redb fails the reads of this batch, and not the thread.
fn begin(shared: &Shared) -> Result<ReadTransaction, redb::Error> {
    let begun = catch_unwind(AssertUnwindSafe(|| shared.begin_read()));
    begun.unwrap_or_else(|payload| Err(redb::Error::Corrupted(panic_text(&*payload))))
}

fn take(queue: &Queue, batch: &mut Vec<Read>) -> usize {
    queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv_many(batch, BATCH_MAX)
}
