//! Connecting before there is a call.

use std::{pin::pin, sync::Arc};

use tokio::time::{Instant, sleep_until};

use super::{
    balance::Absent,
    directory::{self, Directory},
    resolve,
};
use crate::{deadline, error::MeshError};

/// A channel can be built before there is a runtime: its tasks begin with the first that needs them.
pub(super) fn start(directory: &Arc<Directory>) {
    let wires = &directory.wires;
    if wires.keeper.starts() {
        wires.tasks.spawn(directory::keep(Arc::clone(directory)));
        wires.tasks.spawn(resolve::follow(Arc::clone(directory)));
    }
}

/// Connects to all endpoints, and again to those that cannot be reached, until one can take a call.
///
/// # Errors
/// When the channel is closed, or the deadline of the caller has passed.
pub(super) async fn ready(directory: &Arc<Directory>) -> Result<(), MeshError> {
    start(directory);
    let deadline = deadline::current();
    let mut cause = "nobody has answered yet".to_owned();
    loop {
        let mut changed = pin!(directory.changed());
        changed.as_mut().enable();
        let now = Instant::now();
        let asleep = directory.snapshot().asleep;
        if asleep.is_some_and(|asleep| asleep <= now) {
            directory.rouse(now);
        }
        let asleep = {
            let snapshot = directory.snapshot();
            if !snapshot.ready.is_empty() {
                return Ok(());
            }
            match &snapshot.absent {
                Absent::Failed(error) if directory.wires.closed.is_cancelled() => return Err(error.clone()),
                Absent::Failed(error) => cause = error.to_string(),
                Absent::Coming => {}
            }
            snapshot.asleep
        };
        let roused = async {
            match asleep {
                Some(asleep) => sleep_until(asleep).await,
                None => std::future::pending().await,
            }
        };
        let late = async {
            match deadline {
                Some(deadline) => sleep_until(deadline.instant()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
        biased;
                    () = changed => {}
                    () = late => return Err(MeshError::NotReady { target: directory.target.to_string(), cause }),
                    () = roused => {}
                }
    }
}
