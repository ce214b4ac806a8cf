//! The protocol's bounds.

use std::time::Duration;

use uuid::Uuid;

use crate::config::Section;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The protocol's bounds. The defaults suit production; tests shorten them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitConfig {
    /// Names this instance in the leases of shards; no two live instances may share it. Default: random.
    pub instance: String,
    /// How old an intent may be when its commit is sent. Every instance must have the same. Default 15 s.
    pub commit_within: Duration,
    /// For how long a shard is an instance's own after it last said so. Default 15 s.
    pub lease: Duration,
    /// Beyond this lag new events are refused, [`CommitError::OutboxLag`](super::CommitError::OutboxLag): they must
    /// not expire unpublished. Default 48 h; events expire after seven days.
    pub lag_max: Duration,
    /// Beyond this lag the log says so. Default 1 h.
    pub lag_alarm: Duration,
    /// How far back closed buckets are looked at again. Default 24 h.
    pub look_back: Duration,
    /// How often they are. Default 1 h.
    pub look_back_every: Duration,
}

impl CommitConfig {
    /// Reads from a section what an operator may choose. The age of an intent is not among it: instances that do not
    /// agree on it lose events.
    pub fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        // Events expire after seven days; whoever looks needs a day for it.
        let lags = SECOND..=6 * DAY;
        let lag_max = section.duration(
            "lag_max",
            default.lag_max,
            lags.clone(),
            "How old an event in a cql store may become without being published; then writes are refused until it is, since events expire after 7d",
        );
        let lag_alarm = section.duration(
            "lag_alarm",
            default.lag_alarm,
            lags,
            "How old it may become until the log calls for somebody to look",
        );
        if lag_alarm > lag_max {
            section.reject("lag_alarm", "expected at most lag_max");
        }
        let lease = section.duration(
            "lease",
            default.lease,
            5 * SECOND..=300 * SECOND,
            "How long the events of an instance that died wait until another one publishes them",
        );
        Self { lag_max, lag_alarm, lease, ..default }
    }

    /// The same bounds for an instance of this name.
    #[must_use]
    pub fn named(&self, instance: &str) -> Self {
        Self { instance: instance.to_owned(), ..self.clone() }
    }
}

impl Default for CommitConfig {
    fn default() -> Self {
        Self {
            instance: Uuid::new_v4().to_string(),
            commit_within: Duration::from_secs(15),
            lease: Duration::from_secs(15),
            lag_max: 2 * DAY,
            lag_alarm: HOUR,
            look_back: DAY,
            look_back_every: HOUR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn read(variables: &[(&str, &str)]) -> Result<CommitConfig, String> {
        let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut source = Source::load(None, env, "T").unwrap();
        let config = CommitConfig::read(&mut source.section("outbox"));
        source.finish().map(|_| config).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn what_is_not_set_is_the_default() {
        let config = read(&[("T_OUTBOX_LEASE", "30s")]).unwrap();
        let default = CommitConfig { lease: Duration::from_secs(30), ..CommitConfig::default() };
        assert_eq!(config.named("x"), default.named("x"));
    }

    #[test]
    fn an_alarm_that_comes_too_late_is_a_mistake() {
        let mistakes = read(&[("T_OUTBOX_LAG_MAX", "2m"), ("T_OUTBOX_LAG_ALARM", "3m")]).unwrap_err();
        assert!(mistakes.contains("outbox.lag_alarm") && mistakes.contains("lag_max"), "{mistakes}");
        assert!(read(&[("T_OUTBOX_LAG_MAX", "2m"), ("T_OUTBOX_LAG_ALARM", "2m")]).is_ok());
        assert!(read(&[("T_OUTBOX_LAG_MAX", "7d")]).is_err(), "events would expire");
    }
}
