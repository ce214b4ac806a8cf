//! All limits of a server.

use std::time::Duration;

use http::{HeaderName, Request};
use mesh_policy::{MessageField, PolicyTable, RateLimit};
use tokio::time::Instant;

use super::{
    RateLimitConfig,
    gcra::Gcra,
    methods::{Method, hash_of, methods},
    table::Table,
};
use crate::{
    atomic::{AtomicU64, Ordering::Relaxed},
    error::MeshError,
    hash::mix,
    message_key,
    server::peer,
};

/// All limits of a server, by path, and the buckets of all callers and keys.
#[derive(Debug)]
pub(in crate::server) struct Limits {
    methods: Box<[Method]>,
    /// By caller and method; `None` while there is nothing to limit.
    callers: Option<Table>,
    /// By caller, method and key of the message. A table of its own: keys come from messages, as many as anybody
    /// likes, and must not make a caller forgotten.
    keys: Option<Table>,
    caller_key: Option<HeaderName>,
    /// Nobody outside can tell which keys share a set of the table.
    salt: u64,
    refused: AtomicU64,
    epoch: Instant,
}

/// A call whose message is still to be looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyed {
    /// The place of its method.
    method: usize,
    /// A number that stands for its caller.
    caller: u64,
}

impl Limits {
    /// The limits of contracts, as far as the configuration does not tighten them, and those that it adds.
    ///
    /// # Errors
    /// When the configuration limits the values of a field that no contract names.
    pub(in crate::server) fn new(
        config: &RateLimitConfig,
        policies: PolicyTable,
        seed: u64,
    ) -> Result<Self, &'static str> {
        let methods = methods(config, policies)?;
        let table = |is_needed, keys| if is_needed { Some(Table::new(keys)) } else { None };
        Ok(Self {
            callers: table(methods.iter().any(|method| method.calls.is_some()), config.keys),
            keys: table(methods.iter().any(|method| method.keys.is_some()), config.message_keys),
            methods,
            caller_key: config.caller_key.as_deref().and_then(|key| key.parse().ok()),
            // Not the numbers that the same seed gives elsewhere.
            salt: mix(seed ^ 0x6b65_7973),
            refused: AtomicU64::new(0),
            epoch: Instant::now(),
        })
    }

    /// Takes one call from the bucket of its caller and method.
    ///
    /// # Errors
    /// When it is empty.
    pub(in crate::server) fn take<B>(&self, request: &Request<B>) -> Result<(), MeshError> {
        let Some(table) = &self.callers else { return Ok(()) };
        let Some(method) = self.find(request) else { return Ok(()) };
        let method = &self.methods[method];
        let Some(gcra) = &method.calls else { return Ok(()) };
        let key = mix(self.caller(request) ^ method.hash);
        table.take(key, gcra, self.now()).map_err(|wait| self.refuse(method, None, gcra, wait))
    }

    /// The call, if the key of its message has a limit of its own.
    pub(super) fn keyed<B>(&self, request: &Request<B>) -> Option<Keyed> {
        self.keys.as_ref()?;
        let method = self.find(request)?;
        self.methods[method].keys.as_ref()?;
        Some(Keyed { method, caller: self.caller(request) })
    }

    /// Takes one call from the bucket of its caller, its method and the key that `message` has. Those without a key
    /// share a bucket.
    ///
    /// # Errors
    /// When it is empty.
    pub(super) fn take_key(&self, call: Keyed, message: &[u8]) -> Result<(), MeshError> {
        let method = &self.methods[call.method];
        let (Some(table), Some(keys)) = (&self.keys, &method.keys) else { return Ok(()) };
        let key = message_key::of_message(message, &keys.field).unwrap_or(0);
        // Two keys of one caller and method never share a number: what is done to one is not done to another.
        let bucket = mix(mix(call.caller ^ method.hash ^ self.salt) ^ key);
        let MessageField { name, .. } = keys.field;
        table
            .take(bucket, &keys.gcra, self.now())
            .map_err(|wait| self.refuse(method, Some(name), &keys.gcra, wait))
    }

    /// Calls that were one too many since the server was built.
    pub(in crate::server) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    fn refuse(&self, method: &Method, key: Option<&'static str>, gcra: &Gcra, wait: Duration) -> MeshError {
        self.refused.fetch_add(1, Relaxed);
        MeshError::RateLimited { path: method.path.clone().into_owned(), key, limit: gcra.limit(), wait }
    }

    fn find<B>(&self, request: &Request<B>) -> Option<usize> {
        let path = request.uri().path();
        self.methods.binary_search_by(|method| method.path.as_ref().cmp(path)).ok()
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

/// The bucket's size and how long it takes to fill, as `RateLimit-Policy` says them; the latter in whole seconds.
pub(crate) fn quota(limit: RateLimit) -> (u32, u32) {
    (limit.burst, limit.burst.div_ceil(limit.per_second.max(1)).max(1))
}

/// A wait in whole milliseconds and in whole seconds, not too short.
pub(crate) fn rounded_up(wait: Duration) -> (u128, u128) {
    (wait.as_nanos().div_ceil(1_000_000), wait.as_nanos().div_ceil(1_000_000_000))
}

#[cfg(test)]
mod tests;
