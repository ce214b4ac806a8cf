//! What the contract of the tests promises: two seconds for a unary call, nothing for the others; and, for tests of
//! attempts, that calls may be repeated.

use std::time::Duration;

use mesh_policy::{
    Codes, Criticality, FieldEncoding, HedgePolicy, Idempotency, MessageField, MethodPolicy, PolicyTable,
    RetryPolicy,
};

const UNARY: MethodPolicy = MethodPolicy {
    path: "/echo.v1.EchoService/Unary",
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

/// A unary call that may take for ever.
pub(crate) const ENDLESS_UNARY: MethodPolicy = MethodPolicy { deadline: None, ..UNARY };

pub(crate) static POLICIES: PolicyTable = PolicyTable::new(&[UNARY]);

/// UNAVAILABLE up to two times, 100 ms and 200 ms apart.
const RETRY: RetryPolicy = RetryPolicy {
    max_attempts: 3,
    initial_backoff: Duration::from_millis(100),
    max_backoff: Duration::from_secs(1),
    backoff_multiplier: 2.0,
    retryable_codes: Codes::NONE.with(14),
};

/// All but streams both ways may be retried. (The compiler of contracts allows no retries of a client's stream.)
pub(crate) static RETRIES: PolicyTable = PolicyTable::new(&[
    MethodPolicy {
        path: "/echo.v1.EchoService/ClientStream",
        deadline: None,
        client_streaming: true,
        ..RETRIED
    },
    MethodPolicy {
        path: "/echo.v1.EchoService/ServerStream",
        deadline: None,
        server_streaming: true,
        ..RETRIED
    },
    RETRIED,
]);

const RETRIED: MethodPolicy =
    MethodPolicy { idempotency: Idempotency::Idempotent, retry: Some(RETRY), ..UNARY };

/// A retry that no compiler would let pass: nobody said that the call may be made twice.
pub(crate) static UNSAFE_RETRIES: PolicyTable =
    PolicyTable::new(&[MethodPolicy { retry: Some(RETRY), ..UNARY }]);

/// Up to two more attempts beside the first, 50 ms apart.
pub(crate) static HEDGES: PolicyTable = PolicyTable::new(&[MethodPolicy {
    idempotency: Idempotency::NoSideEffects,
    hedge: Some(HedgePolicy { max_attempts: 3, delay: Duration::from_millis(50) }),
    ..UNARY
}]);

/// A unary call belongs where its text belongs.
pub(crate) static KEYED: PolicyTable = PolicyTable::new(&[MethodPolicy {
    hash_key: Some(MessageField { name: "text", path: &[1], encoding: FieldEncoding::Bytes }),
    ..RETRIED
}]);
