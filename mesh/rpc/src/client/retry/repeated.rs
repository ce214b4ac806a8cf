//! A call that may be sent more than once, and what all of them share.

use std::{fmt, sync::Arc};

use http::{HeaderMap, Request};
use mesh_policy::{Codes, PolicyTable};
use mesh_telemetry::{TraceContext, metrics};
use tokio::time::Instant;
use tonic::{Code, Status};

use super::{Allowance, RetryConfig, counters::Tally, jitter::Jitter};
use crate::{
    client::{
        adaptive_throttle::Admission,
        budget::{RepeatBudget, Throttle},
        hedge,
        methods::{Method, Methods, Repeats},
        outgoing::Outgoing,
        telemetry::{Attempt, Instruments},
    },
    message::CompressionConfig,
};

/// What all calls of a channel share.
#[derive(Debug)]
pub(in crate::client) struct Shared {
    pub(in crate::client) methods: Methods,
    pub(in crate::client) budget: RepeatBudget,
    pub(in crate::client) throttle: Throttle,
    pub(in crate::client) admission: Admission,
    pub(in crate::client) instruments: Instruments,
    /// How requests are compressed.
    pub(super) compression: Option<CompressionConfig>,
    /// How much of a stream is kept to be sent once more.
    pub(in crate::client) replay_bytes_max: usize,
    jitter: Jitter,
}

impl Shared {
    pub(in crate::client) fn new(
        config: &RetryConfig,
        policies: PolicyTable,
        compression: Option<CompressionConfig>,
        admission: Admission,
        seed: u64,
        instruments: Instruments,
    ) -> Self {
        Self {
            methods: Methods::new(policies, config.max_attempts, &config.hedge),
            budget: RepeatBudget::new(&config.budget),
            throttle: Throttle::new(&config.throttle),
            admission,
            compression,
            replay_bytes_max: config.replay_bytes_max,
            jitter: Jitter::new(seed),
            instruments,
        }
    }
}

impl Allowance for Shared {
    fn failed(&self) -> bool {
        self.throttle.failed()
    }

    fn take(&self) -> bool {
        self.budget.take()
    }

    fn jitter(&self) -> f64 {
        self.jitter.next()
    }
}

/// One call of a method that may be repeated. What it came to is counted when it is dropped.
pub(in crate::client) struct Repeated {
    pub(in crate::client) shared: Arc<Shared>,
    method: usize,
    /// The span of the call, if it has one.
    trace: Option<TraceContext>,
    pub(in crate::client) tally: Tally,
}

impl Repeated {
    pub(super) fn new(shared: Arc<Shared>, method: usize, trace: Option<TraceContext>) -> Self {
        shared.budget.call();
        Self { shared, method, trace, tally: Tally { attempts: 1, ..Tally::default() } }
    }

    pub(in crate::client) fn method(&self) -> &Method {
        self.shared.methods.get(self.method)
    }

    /// An attempt that is not the first; `transparent` if nobody has seen the one before.
    pub(in crate::client) fn attempt(&self, request: Request<Outgoing>, transparent: bool) -> Attempt {
        let (method, since) = (Some(self.method), Instant::now());
        Attempt { request, method, since, trace: self.trace, transparent, alone: false }
    }

    /// Takes one hedge, if there may be one, and counts it.
    pub(in crate::client) fn may_hedge(&mut self) -> bool {
        let allowed = self.shared.throttle.is_open() && self.shared.budget.take();
        if allowed {
            self.tally.attempts += 1;
            self.tally.hedges += 1;
        } else {
            self.tally.held_back = true;
        }
        allowed
    }

    /// A hedge that was taken a moment ago was not sent.
    pub(in crate::client) fn unhedge(&mut self) {
        self.shared.budget.give_back();
        self.tally.attempts -= 1;
        self.tally.hedges -= 1;
    }

    /// Learns the status of a call that was committed.
    pub(super) fn ended(&self, trailers: &HeaderMap) {
        match trailers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes())) {
            Some(Code::Ok) => self.shared.throttle.succeeded(),
            Some(code) => self.ended_with(code),
            None => {}
        }
    }

    /// Learns that a call that was committed failed. Too late to repeat it, not too late to count it.
    pub(super) fn ended_with(&self, code: Code) {
        if self.repeatable_codes().contains(code as i32) {
            self.shared.throttle.failed();
        }
    }

    fn repeatable_codes(&self) -> Codes {
        match &self.method().repeats {
            Repeats::Never => Codes::NONE,
            Repeats::Retries { policy, .. } => policy.retryable_codes,
            Repeats::Hedges { .. } => hedge::NON_FATAL,
        }
    }
}

impl Drop for Repeated {
    fn drop(&mut self) {
        self.method().counters.add(&self.tally);
        let Tally { retries, transparent_retries, hedges, retry_delay, held_back, .. } = self.tally;
        let repeats = metrics::Repeats { retries, transparent_retries, hedges, retry_delay, held_back };
        self.shared.instruments.metrics.method(Some(self.method)).call_repeated(&repeats);
    }
}

impl fmt::Debug for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeated")
            .field("method", &self.method().policy.path)
            .field("tally", &self.tally)
            .finish_non_exhaustive()
    }
}
