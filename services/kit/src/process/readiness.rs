//! Whether the service can take calls: it can when its store answers.
//!
//! The health service's empty name says that the process lives, which a store that is away does not change: a restart
//! would not bring it back. The names of the services say that calls are worth sending. The bus has no part in it
//! once the program has started: while it is away events wait in the outbox, and calls succeed.

use std::time::Duration;

use mesh_rpc::Health;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::cql::{Cql, CqlError, Purpose, Statement};

/// How often the store is asked.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// Questions in a row without an answer until calls are sent elsewhere: one may be lost.
const UNANSWERED_MAX: u32 = 3;

/// Follows a store, and tells whoever asks for health.
#[derive(Debug)]
pub struct Readiness {
    cql: Cql,
    question: Statement,
    told: Vec<(Health, &'static [&'static str])>,
}

/// What the answers so far come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Judge {
    unanswered: u32,
}

// === impl Readiness ===

impl Readiness {
    /// Follows `cql`, in which a schema was migrated.
    ///
    /// # Errors
    /// When the question cannot be prepared.
    pub async fn new(cql: Cql) -> Result<Self, CqlError> {
        // A row that is not there: what counts is that a quorum of its replicas says so.
        let text = "SELECT version FROM schema_migrations WHERE name = 'readiness'";
        let question = cql.prepare(Purpose::Read, text).await?;
        Ok(Self { cql, question, told: Vec::new() })
    }

    /// Tells it through `health`, as the state of these services.
    #[must_use]
    pub fn tell(mut self, health: Health, services: &'static [&'static str]) -> Self {
        self.told.push((health, services));
        self
    }

    /// Follows the store until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut ticks = interval(ASK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut judge = Judge::default();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let was_ready = judge.is_ready();
            let answer = self.cql.rows(&self.question, ()).await;
            judge.hear(answer.is_ok());
            match (was_ready, judge.is_ready(), answer) {
                (true, false, Err(error)) => {
                    let error = mesh_telemetry::chain(&error);
                    tracing::warn!(%error, "the store does not answer; not ready");
                    self.say(Health::set_not_serving);
                }
                (false, true, _) => {
                    tracing::info!("the store answers again; ready");
                    self.say(Health::set_serving);
                }
                _ => {}
            }
        }
    }

    fn say(&self, set: fn(&Health, &str)) {
        for (health, services) in &self.told {
            services.iter().for_each(|service| set(health, service));
        }
    }
}

// === impl Judge ===

impl Judge {
    fn hear(&mut self, answered: bool) {
        self.unanswered = if answered { 0 } else { self.unanswered.saturating_add(1) };
    }

    fn is_ready(self) -> bool {
        self.unanswered < UNANSWERED_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_silence_is_borne_and_one_answer_is_enough() {
        let mut judge = Judge::default();
        let heard = [false, false, true, false, false, false, false, true];
        let ready = heard.map(|answered| {
            judge.hear(answered);
            judge.is_ready()
        });
        assert_eq!(ready, [true, true, true, true, true, false, false, true]);
    }
}
