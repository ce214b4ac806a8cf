//! What the contract of the tests promises: two seconds for a unary call, nothing for the others.

use std::time::Duration;

use mesh_policy::{Criticality, Idempotency, MethodPolicy, PolicyTable};

pub(crate) static POLICIES: PolicyTable = PolicyTable::new(&[MethodPolicy {
    path: "/echo.v1.EchoService/Unary",
    idempotency: Idempotency::Unknown,
    deadline: Some(Duration::from_secs(2)),
    retry: None,
    hedge: None,
    criticality: Criticality::Default,
    rate_limit: None,
    hash_key: None,
    client_streaming: false,
    server_streaming: false,
}]);
