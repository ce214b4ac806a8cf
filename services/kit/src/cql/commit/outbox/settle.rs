//! Settles one intent without a mark.

use fail::fail_point;
use mesh_events::Envelope;

use super::{shard::grace, window::Candidate};
use crate::{
    clock::UnixMillis,
    cql::{
        CqlError,
        commit::{
            commits::Inner,
            fence::{Look, envelope},
            place::bucket_end,
        },
    },
};

impl Inner {
    /// The event, if it was committed. If it was not and the intent is old, it never will be, and is marked so.
    pub(super) async fn settle(
        &self,
        candidate: &Candidate,
        now: UnixMillis,
    ) -> Result<Option<Envelope>, CqlError> {
        let Candidate { key, place, aggregate } = candidate;
        let look = async |look| self.aggregates.event(aggregate, key.id, place.attempt, look).await;
        if let Some(body) = look(Look::Quick).await? {
            return Ok(self.read(candidate, body));
        }
        if now < bucket_end(place.bucket).after(grace(self.config.commit_within)) {
            // It may be on its way. Later than this too, but then it is stopped.
            return Ok(None);
        }
        if !skips_the_fence() {
            self.aggregates.fence(aggregate).await?;
        }
        // A later read than the fence: what is not there now does not come any more.
        if let Some(body) = look(Look::Deciding).await? {
            return Ok(self.read(candidate, body));
        }
        self.mark_aborted(key.id, *place).await?;
        tracing::debug!(event.id = %key.id, "intent was never committed and is aborted");
        Ok(None)
    }

    fn read(&self, candidate: &Candidate, body: Vec<u8>) -> Option<Envelope> {
        match envelope(body) {
            Ok(envelope) => {
                self.places().remember(envelope.id, candidate.place);
                Some(envelope)
            }
            // It stays, for a version that can read it; the others must not wait behind it.
            Err(error) => {
                tracing::error!(
                    event.id = %candidate.key.id, error = %mesh_telemetry::chain(&error),
                    "an event in the outbox cannot be read and is not published"
                );
                None
            }
        }
    }
}

/// Seeded bug, only with failpoints compiled in: an intent is aborted although its commit may still come.
fn skips_the_fence() -> bool {
    fail_point!("bug.skip-fence", |_| true);
    false
}
