//! One attempt of a call: where it should not go again, and where it went.
//!
//! Layers tell each other in two ways, and neither allocates on a first attempt. Down: the request extension
//! [`Tried`], on attempts after the first. Up: what the balancer calls within the poll of an attempt
//! ([`picked`], [`resent`]), the layer that polls it reads afterwards ([`watch`]).

use std::{cell::Cell, net::SocketAddr};

use http::{HeaderMap, HeaderName};

/// How many attempts were made before this one; absent on the first (gRFC A6).
pub(super) const PREVIOUS_ATTEMPTS: HeaderName = HeaderName::from_static("grpc-previous-rpc-attempts");

/// No call has more attempts (gRFC A6).
pub(super) const MOST_ATTEMPTS: u32 = 5;

/// A request extension: the endpoints that earlier attempts of a call went to. Calls go elsewhere while there is
/// an elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tried {
    addresses: [Option<SocketAddr>; MOST_ATTEMPTS as usize],
    only_others: bool,
}

impl Tried {
    /// Adds an address. One more than a call can have attempts takes the place of the last.
    pub(super) fn add(&mut self, address: SocketAddr) {
        if self.contains(address) {
            return;
        }
        let last = self.addresses.len() - 1;
        let free = self.addresses.iter().position(Option::is_none).unwrap_or(last);
        self.addresses[free] = Some(address);
    }

    /// Whether an attempt went there.
    pub(super) fn contains(&self, address: SocketAddr) -> bool {
        self.addresses.contains(&Some(address))
    }

    /// The same, for an attempt that is pointless where another one is: a hedge.
    pub(super) fn only_others(self) -> Self {
        Self { only_others: true, ..self }
    }

    /// Whether the attempt is pointless where another one is.
    pub(super) fn is_only_others(&self) -> bool {
        self.only_others
    }

    /// Whether the attempt must not go there, even if there is no elsewhere.
    pub(super) fn forbids(&self, address: SocketAddr) -> bool {
        self.only_others && self.contains(address)
    }
}

/// What became of an attempt below the layer that polls it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The endpoint it went to last.
    pub(super) picked: Option<SocketAddr>,
    /// How often it was sent once more because nobody had seen it.
    pub(super) resent: u32,
}

thread_local! {
    /// Of the attempt that this thread is polling.
    static TOLD: Cell<Told> = const { Cell::new(Told { picked: None, resent: 0 }) };
}

/// The attempt that is being polled goes to `address`.
pub(super) fn picked(address: SocketAddr) {
    TOLD.set(Told { picked: Some(address), ..TOLD.get() });
}

/// The attempt that is being polled did not leave this process, or was not looked at by a server, and is sent once
/// more.
pub(super) fn resent() {
    let told = TOLD.get();
    TOLD.set(Told { resent: told.resent.saturating_add(1), ..told });
}

/// Polls an attempt, and notes what is told meanwhile.
pub(super) fn watch<T>(told: &mut Told, poll: impl FnOnce() -> T) -> T {
    let outer = TOLD.replace(*told);
    let polled = poll();
    *told = TOLD.replace(outer);
    polled
}

/// Tells a layer above what a layer below has [watched](watch).
pub(super) fn pass_on(told: Told) {
    let above = TOLD.get();
    let (picked, resent) = (told.picked.or(above.picked), above.resent.saturating_add(told.resent));
    TOLD.set(Told { picked, resent });
}

/// For handlers: how many attempts of this call were made before, as its caller says. Zero for the first.
///
/// ```
/// # let request = tonic::Request::new(());
/// assert_eq!(mesh_rpc::previous_attempts(&request), 0);
/// ```
pub fn previous_attempts<T>(request: &tonic::Request<T>) -> u32 {
    let headers: &HeaderMap = request.metadata().as_ref();
    let said = headers.get(PREVIOUS_ATTEMPTS).and_then(|value| value.to_str().ok());
    said.and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        ([10, 0, 0, 1], port).into()
    }

    #[test]
    fn remembers_as_many_endpoints_as_a_call_has_attempts() {
        let mut tried = Tried::default();
        for port in [1, 1, 2, 3, 4, 5] {
            tried.add(address(port));
        }
        assert!((1..=5).all(|port| tried.contains(address(port))));
        assert!(!tried.contains(address(6)));
        tried.add(address(6));
        assert!(tried.contains(address(6)), "the last is what a picker needs most");
    }

    #[test]
    fn only_a_hedge_is_forbidden_what_was_tried() {
        let mut tried = Tried::default();
        tried.add(address(1));
        assert!(!tried.forbids(address(1)));
        assert!(tried.only_others().forbids(address(1)));
        assert!(!tried.only_others().forbids(address(2)));
    }

    #[test]
    fn what_one_attempt_tells_is_not_told_of_another() {
        let (mut one, mut other) = (Told::default(), Told::default());
        watch(&mut one, || {
            picked(address(1));
            watch(&mut other, || picked(address(2)));
            resent();
        });
        assert_eq!(one, Told { picked: Some(address(1)), resent: 1 });
        assert_eq!(other, Told { picked: Some(address(2)), resent: 0 });
    }

    #[test]
    fn handlers_read_how_many_attempts_were_before() {
        let mut request = tonic::Request::new(());
        assert_eq!(previous_attempts(&request), 0);
        request.metadata_mut().insert("grpc-previous-rpc-attempts", "2".parse().unwrap());
        assert_eq!(previous_attempts(&request), 2);
        request.metadata_mut().insert("grpc-previous-rpc-attempts", "many".parse().unwrap());
        assert_eq!(previous_attempts(&request), 0);
    }
}
