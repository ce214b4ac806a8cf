//! The decision path of a call without the call: for the bench, and for the test that counts allocations.

use std::{net::SocketAddr, sync::Arc};

use http::Extensions;
use tonic::Code;

use super::{
    Channel,
    balance::{Place, Wish},
    endpoints::Endpoints,
};

/// Decides where calls of a channel go, and tells their endpoints how they went, without making them.
pub struct Decisions(Arc<Endpoints>);

impl Decisions {
    /// Those of a channel, which they share with its calls.
    pub fn of(channel: &Channel) -> Self {
        Self(channel.endpoints())
    }

    /// Everything that is decided and written down for one call with these extensions that is answered at once with
    /// `code`: what it asks for, the choice of an endpoint and of a connection, the load, and the record of the
    /// outcome. `None` while nobody is ready.
    pub fn decide(&self, extensions: &Extensions, code: Code) -> Option<SocketAddr> {
        self.go(&Wish::of(extensions), code)
    }

    /// The same for a call that belongs where this key does by the words of its message, as its contract says
    /// (`hash_key`).
    pub fn decide_by(&self, key: u64, code: Code) -> Option<SocketAddr> {
        self.go(&Wish::of(&Extensions::new()).or_key(Some(key)), code)
    }

    /// Only the pick: the choice of an endpoint that may be called and has room, and of a connection. `None` while nobody
    /// is ready.
    pub fn pick(&self, extensions: &Extensions) -> Option<Picked> {
        self.0.place_now(&Wish::of(extensions)).map(Picked)
    }

    /// The same for a call that belongs where this key does.
    pub fn pick_by(&self, key: u64) -> Option<Picked> {
        self.0.place_now(&Wish::of(&Extensions::new()).or_key(Some(key))).map(Picked)
    }

    fn go(&self, wish: &Wish, code: Code) -> Option<SocketAddr> {
        let mut place = self.0.place_now(wish)?;
        let address = place.endpoint().key();
        place.answered();
        place.heard();
        place.finish(code, None);
        Some(address)
    }

    /// How many endpoints are ejected, or on probation.
    pub fn ejected(&self) -> usize {
        self.0.ejected()
    }

    /// How many endpoints are ready for calls.
    pub fn ready(&self) -> usize {
        self.0.ready()
    }
}

/// A place on an endpoint, until it is dropped.
#[expect(dead_code, reason = "it is held")]
pub struct Picked(Place);

impl std::fmt::Debug for Picked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picked").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Decisions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decisions").finish_non_exhaustive()
    }
}
