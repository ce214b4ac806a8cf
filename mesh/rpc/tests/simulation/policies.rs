//! What the contract of the chain promises.

use std::time::Duration;

use mesh_policy::{Codes, Criticality, HedgePolicy, Idempotency, MethodPolicy, PolicyTable, RetryPolicy};

const PAY: MethodPolicy = MethodPolicy {
    path: "/chain.v1.ChainService/Pay",
    idempotency: Idempotency::Unknown,
    deadline: Some(Duration::from_secs(2)),
    retry: None,
    hedge: None,
    criticality: Criticality::Default,
    rate_limit: None,
    key_rate_limit: None,
    hash_key: None,
    client_streaming: false,
    server_streaming: false,
};

const RETRY: RetryPolicy = RetryPolicy {
    max_attempts: 4,
    initial_backoff: Duration::from_millis(10),
    max_backoff: Duration::from_millis(100),
    backoff_multiplier: 2.0,
    retryable_codes: Codes::NONE.with(14),
};

pub(crate) static POLICIES: PolicyTable = PolicyTable::new(&[
    MethodPolicy {
        path: "/chain.v1.ChainService/List",
        idempotency: Idempotency::NoSideEffects,
        retry: Some(RETRY),
        server_streaming: true,
        ..PAY
    },
    PAY,
    MethodPolicy {
        path: "/chain.v1.ChainService/Put",
        idempotency: Idempotency::Idempotent,
        retry: Some(RETRY),
        ..PAY
    },
    MethodPolicy {
        path: "/chain.v1.ChainService/Read",
        idempotency: Idempotency::NoSideEffects,
        hedge: Some(HedgePolicy { max_attempts: 3, delay: Duration::from_millis(60) }),
        ..PAY
    },
]);
