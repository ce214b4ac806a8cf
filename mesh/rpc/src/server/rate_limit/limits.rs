//! All limits of a server.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hasher as _},
    time::Duration,
};

use http::{HeaderName, Request};
use mesh_policy::{PolicyTable, RateLimit};
use tokio::time::Instant;

use super::{RateLimitConfig, gcra::Gcra, table::Table};
use crate::{
    atomic::{AtomicU64, Ordering::Relaxed},
    error::MeshError,
    hash::mix,
    server::peer,
};

/// All limits of a server, by path, and the buckets of all callers.
#[derive(Debug)]
pub(in crate::server) struct Limits {
    methods: Box<[Method]>,
    /// `None` while there is nothing to limit.
    table: Option<Table>,
    caller_key: Option<HeaderName>,
    refused: AtomicU64,
    epoch: Instant,
}

#[derive(Debug)]
struct Method {
    path: Cow<'static, str>,
    gcra: Gcra,
    hash: u64,
}

impl Limits {
    /// The limits of contracts, as far as the configuration does not tighten them, and those that it adds.
    pub(in crate::server) fn new(config: &RateLimitConfig, policies: PolicyTable) -> Self {
        let of_contracts = policies.iter().filter_map(|policy| {
            let limit = policy.rate_limit?;
            Some((Cow::Borrowed(policy.path), limit))
        });
        let mut methods: Vec<Method> = Vec::new();
        let added = config.methods.iter().map(|(path, limit)| (Cow::Owned(path.clone()), *limit));
        for (path, limit) in of_contracts.chain(added).filter(|_| config.enabled) {
            match methods.binary_search_by(|method| method.path.cmp(&path)) {
                Ok(known) => methods[known].gcra = Gcra::new(tighter(methods[known].gcra.limit(), limit)),
                Err(place) => {
                    let hash = hash_of(path.as_bytes());
                    methods.insert(place, Method { path, gcra: Gcra::new(limit), hash });
                }
            }
        }
        Self {
            table: (!methods.is_empty()).then(|| Table::new(config.keys)),
            methods: methods.into(),
            caller_key: config.caller_key.as_deref().and_then(|key| key.parse().ok()),
            refused: AtomicU64::new(0),
            epoch: Instant::now(),
        }
    }

    /// Takes one call from the bucket of its caller and method.
    ///
    /// # Errors
    /// When it is empty.
    pub(super) fn take<B>(&self, request: &Request<B>) -> Result<(), MeshError> {
        let Some(table) = &self.table else { return Ok(()) };
        let path = request.uri().path();
        let Ok(method) = self.methods.binary_search_by(|method| method.path.as_ref().cmp(path)) else {
            return Ok(());
        };
        let method = &self.methods[method];
        let key = mix(self.caller(request) ^ method.hash);
        table.take(key, &method.gcra, self.now()).map_err(|wait| {
            self.refused.fetch_add(1, Relaxed);
            MeshError::RateLimited { path: path.to_owned(), limit: method.gcra.limit(), wait }
        })
    }

    /// Calls that were one too many since the server was built.
    pub(in crate::server) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// A number that stands for a caller. Those without a name are one.
    fn caller<B>(&self, request: &Request<B>) -> u64 {
        match &self.caller_key {
            Some(key) => request.headers().get(key).map_or(0, |name| hash_of(name.as_bytes())),
            None => peer::current().map_or(0, |peer| peer.hash()),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

fn tighter(one: RateLimit, other: RateLimit) -> RateLimit {
    RateLimit { per_second: one.per_second.min(other.per_second), burst: one.burst.min(other.burst) }
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// The bucket's size and how long it takes to fill, as `RateLimit-Policy` says them; the latter in whole seconds.
pub(crate) fn quota(limit: RateLimit) -> (u32, u32) {
    (limit.burst, limit.burst.div_ceil(limit.per_second.max(1)).max(1))
}

/// A wait in whole milliseconds and in whole seconds, not too short.
pub(crate) fn rounded_up(wait: Duration) -> (u128, u128) {
    (wait.as_nanos().div_ceil(1_000_000), wait.as_nanos().div_ceil(1_000_000_000))
}

#[cfg(test)]
mod tests {
    use mesh_policy::{Criticality, Idempotency, MethodPolicy};

    use super::*;

    const LIMITED: MethodPolicy = MethodPolicy {
        path: "/a.v1.A/Limited",
        idempotency: Idempotency::Unknown,
        deadline: None,
        retry: None,
        hedge: None,
        criticality: Criticality::Default,
        rate_limit: Some(RateLimit { per_second: 1, burst: 4 }),
        hash_key: None,
        client_streaming: false,
        server_streaming: false,
    };
    static POLICIES: PolicyTable =
        PolicyTable::new(&[LIMITED, MethodPolicy { path: "/a.v1.A/Unlimited", rate_limit: None, ..LIMITED }]);

    fn taken(limits: &Limits, path: &str, caller: Option<&str>) -> usize {
        let mut request = Request::builder().uri(format!("http://h{path}"));
        if let Some(caller) = caller {
            request = request.header("x-caller", caller);
        }
        let request = request.body(()).unwrap();
        (0..20).take_while(|_| limits.take(&request).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn configuration_tightens_and_adds_and_never_loosens() {
        let limit = |per_second, burst| RateLimit { per_second, burst };
        let methods = vec![
            ("/a.v1.A/Limited".to_owned(), limit(9, 2)),
            ("/a.v1.A/Limited".to_owned(), limit(9, 9)),
            ("/a.v1.A/Unlimited".to_owned(), limit(9, 9)),
        ];
        let limits = Limits::new(&RateLimitConfig { methods, ..RateLimitConfig::default() }, POLICIES);
        let taken = |path| taken(&limits, path, None);
        assert_eq!(["/a.v1.A/Limited", "/a.v1.A/Unlimited", "/a.v1.A/Other"].map(taken), [2, 9, 20]);
        // One a second, as the contract says, not nine.
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(taken("/a.v1.A/Limited"), 1);
        assert_eq!(limits.refused(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn callers_do_not_share_a_bucket() {
        let config =
            RateLimitConfig { caller_key: Some("x-caller".to_owned()), ..RateLimitConfig::default() };
        let limits = Limits::new(&config, POLICIES);
        let taken = |caller| taken(&limits, "/a.v1.A/Limited", caller);
        assert_eq!([Some("a"), Some("b"), None, Some("a"), None].map(taken), [4, 4, 4, 0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_limits_there_is_no_table() {
        let off = RateLimitConfig { enabled: false, ..RateLimitConfig::default() };
        assert!(Limits::new(&off, POLICIES).table.is_none());
        assert!(Limits::new(&RateLimitConfig::default(), PolicyTable::new(&[])).table.is_none());
        assert!(Limits::new(&RateLimitConfig::default(), POLICIES).table.is_some());
    }

    #[test]
    fn waits_are_rounded_up() {
        assert_eq!(rounded_up(Duration::from_nanos(1)), (1, 1));
        assert_eq!(rounded_up(Duration::from_millis(1_500)), (1_500, 2));
        assert_eq!(quota(RateLimit { per_second: 10, burst: 25 }), (25, 3));
    }
}
