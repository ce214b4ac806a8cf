//! The policy of one method.

use std::time::Duration;

use crate::{MessageField, RetryPolicy};

/// What the mesh does for one method, as its contract says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MethodPolicy {
    /// The path of the HTTP/2 request: `/user.v1.UserService/GetUser`.
    pub path: &'static str,
    /// What happens when a call is made twice.
    pub idempotency: Idempotency,
    /// The longest a call may take, from the first attempt to the last byte; `None` only on a method that
    /// streams its responses without end.
    pub deadline: Option<Duration>,
    /// When and how a failed attempt is repeated. `None`: only what no server has looked
    /// at is sent again.
    pub retry: Option<RetryPolicy>,
    /// When a second attempt is sent beside a slow first one.
    pub hedge: Option<HedgePolicy>,
    /// What is shed first when a server has too much to do.
    pub criticality: Criticality,
    /// How much one caller may ask of this method; `None`: no limit.
    pub rate_limit: Option<RateLimit>,
    /// How much one caller may ask of this method with one value of its `hash_key`; `None`: no limit.
    pub key_rate_limit: Option<RateLimit>,
    /// The field of the request whose equal values meet the same replica.
    pub hash_key: Option<MessageField>,
    /// The caller sends a stream of messages.
    pub client_streaming: bool,
    /// The server answers with a stream of messages.
    pub server_streaming: bool,
}

/// What happens when a call is made twice: `google.protobuf.MethodOptions.IdempotencyLevel`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// Nobody said: the mesh never sends such a call twice.
    #[default]
    Unknown,
    /// A read: sent twice, nothing differs.
    NoSideEffects,
    /// A write whose second time changes nothing more than its first.
    Idempotent,
}

/// A second attempt beside a slow first one, with the semantics of gRFC A6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HedgePolicy {
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// The wait before each further attempt.
    pub delay: Duration,
}

/// Who is served first when not everybody can be. Ordered: what is smaller is shed earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criticality {
    /// Work that nobody waits for.
    Sheddable,
    /// An ordinary call; also what a contract means that says nothing.
    #[default]
    Default,
    /// A call that the company's business stands on.
    Critical,
}

/// A limit for one caller of one method: a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls a second, on average.
    pub per_second: u32,
    /// Calls at once after a pause: the size of the bucket.
    pub burst: u32,
}
