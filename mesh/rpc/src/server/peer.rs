//! Who is at the other end of a connection.

use std::{
    cell::Cell,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    net::IpAddr,
};

thread_local! {
    /// Of the call that this thread is beginning.
    static CURRENT: Cell<Option<Peer>> = const { Cell::new(None) };
}

/// The other end of a connection, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    address: IpAddr,
    hash: u64,
}

impl Peer {
    pub(super) fn new(address: IpAddr) -> Self {
        let mut hasher = DefaultHasher::new();
        // One IPv6 host has a whole network of 64 bits to choose its addresses from.
        match address.to_canonical() {
            IpAddr::V4(address) => address.octets().hash(&mut hasher),
            IpAddr::V6(address) => address.octets()[..8].hash(&mut hasher),
        }
        Self { address, hash: hasher.finish() }
    }

    /// A number that stands for the host.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }
}

/// Begins a call of this peer: what layers do at once, before they wait for anything, knows it.
pub(super) fn enter<T>(peer: Peer, begin: impl FnOnce() -> T) -> T {
    CURRENT.set(Some(peer));
    let begun = begin();
    CURRENT.set(None);
    begun
}

/// Whose call is being begun.
pub(super) fn current() -> Option<Peer> {
    CURRENT.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(address: &str) -> u64 {
        Peer::new(address.parse().unwrap()).hash()
    }

    #[test]
    fn a_host_is_one_caller_and_a_network_of_ipv6_is_one_host() {
        assert_ne!(hash("10.0.0.1"), hash("10.0.0.2"));
        assert_eq!(hash("10.0.0.1"), hash("::ffff:10.0.0.1"));
        assert_eq!(hash("2001:db8::1"), hash("2001:db8::2"));
        assert_ne!(hash("2001:db8::1"), hash("2001:db8:0:1::1"));
    }
}
