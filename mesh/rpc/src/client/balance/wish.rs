//! What a call asks of the choice of its endpoint.

use http::Extensions;

use crate::{client::attempt::Tried, message_key};

/// A request extension: the call belongs where this hash belongs, so that the same replica meets the same key and
/// finds it in its cache. It goes elsewhere when that replica has too much to do, or is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HashKey(pub u64);

impl HashKey {
    /// The key of a text or of bytes: the one that a message has whose contract names a field with this value as its
    /// `hash_key`. The same in every process and version.
    pub fn of(value: impl AsRef<[u8]>) -> Self {
        Self(message_key::of_bytes(value.as_ref()))
    }
}

/// A request extension: while no endpoint can be reached, the call waits until its deadline instead of failing at
/// once (gRPC's "wait for ready").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WaitForReady;

/// What a call asks of the choice of its endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::client) struct Wish {
    pub(super) tried: Option<Tried>,
    pub(super) key: Option<u64>,
    pub(in crate::client) wait_for_ready: bool,
}

impl Wish {
    pub(in crate::client) fn of(extensions: &Extensions) -> Self {
        Self {
            tried: extensions.get::<Tried>().copied(),
            key: extensions.get::<HashKey>().map(|key| key.0),
            wait_for_ready: extensions.get::<WaitForReady>().is_some(),
        }
    }

    /// The same, where the call belongs by the words of its message, unless its caller has said otherwise.
    pub(in crate::client) fn or_key(self, key: Option<u64>) -> Self {
        Self { key: self.key.or(key), ..self }
    }

    /// Whether the call would rather not be made than go where it was before: then it does not wait either.
    pub(in crate::client) fn is_hedge(&self) -> bool {
        self.tried.is_some_and(|tried| tried.is_only_others())
    }
}
