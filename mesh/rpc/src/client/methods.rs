//! What a channel knows of the methods it calls: what their contracts allow, and what it has learned.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use mesh_policy::{HedgePolicy, Idempotency, MethodPolicy, PolicyTable, RetryPolicy};

use super::{
    attempt::MOST_ATTEMPTS,
    latency::{HedgeConfig, Sketch},
    outgoing::Message,
    retry::Counters,
};
use crate::message_key;

/// All methods that the contracts know, by path.
#[derive(Debug)]
pub(super) struct Methods(Box<[Method]>);

/// One method.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) policy: &'static MethodPolicy,
    pub(super) repeats: Repeats,
    pub(super) counters: Counters,
}

/// How calls of a method may be sent more than once, when they have left this process.
#[derive(Debug)]
pub(super) enum Repeats {
    /// Not at all.
    Never,
    /// After a failure.
    Retries {
        policy: &'static RetryPolicy,
        /// Attempts in all.
        most: u32,
    },
    /// Beside a slow attempt.
    Hedges {
        policy: &'static HedgePolicy,
        /// Attempts in all.
        most: u32,
        latency: Arc<Sketch>,
    },
}

impl Methods {
    /// The methods of `policies`, with at most `most` attempts for a call.
    pub(super) fn new(policies: PolicyTable, most: u32, hedge: &HedgeConfig) -> Self {
        let method = |policy| Method {
            policy,
            repeats: Repeats::allowed(policy, most.min(MOST_ATTEMPTS), hedge),
            counters: Counters::default(),
        };
        Self(policies.iter().map(method).collect())
    }

    /// Where the method at `path` is, if a contract knows it.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.0.binary_search_by(|method| method.policy.path.cmp(path)).ok()
    }

    /// The method at a place that [`find`](Self::find) has found.
    pub(super) fn get(&self, index: usize) -> &Method {
        &self.0[index]
    }

    /// Those that may have more than one attempt.
    pub(super) fn repeated(&self) -> impl Iterator<Item = &Method> {
        self.0.iter().filter(|method| !matches!(method.repeats, Repeats::Never))
    }
}

impl Method {
    /// A message to the method, as its caller made it, and where it belongs by its contract.
    pub(super) fn message(&self, bytes: Bytes, headers: &HeaderMap) -> Message {
        let key = self.policy.hash_key.as_ref().and_then(|field| {
            message_key::of_frame(&bytes, field).or_else(|| message_key::of_packed(&bytes, headers, field))
        });
        Message { bytes, key }
    }
}

impl Repeats {
    /// What a policy promises, as far as it is safe: the compiler of contracts refuses what is not, but tables can
    /// be written by hand.
    fn allowed(policy: &'static MethodPolicy, most: u32, config: &HedgeConfig) -> Self {
        let more_than_one = |attempts: u32| Some(attempts.min(most)).filter(|attempts| *attempts > 1);
        if let Some(retry) = policy.retry.as_ref().filter(|_| policy.idempotency != Idempotency::Unknown) {
            return match more_than_one(retry.max_attempts) {
                Some(most) => Self::Retries { policy: retry, most },
                None => Self::Never,
            };
        }
        let is_read = policy.idempotency == Idempotency::NoSideEffects && !policy.client_streaming;
        match policy.hedge.as_ref().filter(|_| is_read) {
            Some(hedge) => match more_than_one(hedge.max_attempts) {
                Some(most) => {
                    let latency = Arc::new(Sketch::new(config.clone()));
                    Self::Hedges { policy: hedge, most, latency }
                }
                None => Self::Never,
            },
            None => Self::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mesh_policy::{Codes, Criticality};

    use super::*;

    const RETRY: RetryPolicy = RetryPolicy {
        max_attempts: 9,
        initial_backoff: Duration::from_millis(10),
        max_backoff: Duration::from_millis(100),
        backoff_multiplier: 2.0,
        retryable_codes: Codes::NONE.with(14),
    };
    const HEDGE: HedgePolicy = HedgePolicy { max_attempts: 3, delay: Duration::from_millis(10) };
    const POLICY: MethodPolicy = MethodPolicy {
        path: "/a.v1.A/A",
        idempotency: Idempotency::Unknown,
        deadline: None,
        retry: None,
        hedge: None,
        criticality: Criticality::Default,
        rate_limit: None,
        key_rate_limit: None,
        hash_key: None,
        client_streaming: false,
        server_streaming: false,
    };

    static TABLE: PolicyTable = PolicyTable::new(&[
        MethodPolicy { path: "/a.v1.A/A", retry: Some(RETRY), ..POLICY },
        MethodPolicy {
            path: "/a.v1.A/B",
            retry: Some(RETRY),
            idempotency: Idempotency::Idempotent,
            ..POLICY
        },
        MethodPolicy {
            path: "/a.v1.A/C",
            hedge: Some(HEDGE),
            idempotency: Idempotency::Idempotent,
            ..POLICY
        },
        MethodPolicy {
            path: "/a.v1.A/D",
            hedge: Some(HEDGE),
            idempotency: Idempotency::NoSideEffects,
            ..POLICY
        },
    ]);

    fn attempts(most: u32, path: &str) -> (&'static str, u32) {
        let methods = Methods::new(TABLE, most, &HedgeConfig::default());
        match methods.get(methods.find(path).unwrap()).repeats {
            Repeats::Never => ("never", 1),
            Repeats::Retries { most, .. } => ("retries", most),
            Repeats::Hedges { most, .. } => ("hedges", most),
        }
    }

    #[test]
    fn only_what_is_safe_is_repeated_whatever_a_table_says() {
        assert_eq!(attempts(5, "/a.v1.A/A"), ("never", 1), "nobody said that it is idempotent");
        assert_eq!(attempts(5, "/a.v1.A/C"), ("never", 1), "a hedge of a write");
        assert_eq!(attempts(5, "/a.v1.A/D"), ("hedges", 3));
        assert_eq!(Methods::new(TABLE, 5, &HedgeConfig::default()).find("/a.v1.A/E"), None);
    }

    #[test]
    fn no_call_has_more_than_five_attempts_nor_more_than_the_channel_allows() {
        assert_eq!(attempts(99, "/a.v1.A/B"), ("retries", 5));
        assert_eq!(attempts(2, "/a.v1.A/B"), ("retries", 2));
        assert_eq!(attempts(2, "/a.v1.A/D"), ("hedges", 2));
        assert_eq!(attempts(1, "/a.v1.A/B"), ("never", 1));
    }
}
