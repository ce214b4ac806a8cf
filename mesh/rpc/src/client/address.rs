//! Where an endpoint is.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

/// How many addresses of one endpoint are tried. A host has one of each family, and seldom more.
const MOST: usize = 8;

/// Where an endpoint is: one server, however many ways lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// One address.
    Ip(SocketAddr),
    /// Several addresses of one server, in the order in which they are tried: two at least.
    Several(Arc<[SocketAddr]>),
    /// A socket in the file system.
    Unix(Arc<Path>),
}

impl Address {
    /// One server that has all these addresses. `None` if there is none.
    pub(super) fn of_one_server(mut addresses: Vec<SocketAddr>) -> Option<Self> {
        addresses.sort_unstable();
        addresses.dedup();
        match addresses[..] {
            [] => None,
            [address] => Some(Self::Ip(address)),
            _ => Some(Self::Several(interleave(&addresses).take(MOST).collect())),
        }
    }

    /// A name for the endpoint among those of its channel, small enough to be carried in every attempt: the least of
    /// its addresses. The endpoint of a unix socket is the only one of its channel.
    pub(super) fn key(&self) -> SocketAddr {
        match self {
            Self::Ip(address) => *address,
            Self::Several(addresses) => addresses.iter().min().copied().unwrap_or(NOWHERE),
            Self::Unix(_) => NOWHERE,
        }
    }
}

const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// One of each family in turn, IPv6 first (RFC 8305, section 4; gRFC A61). `sorted` has IPv4 first, as all addresses
/// that are sorted have.
fn interleave(sorted: &[SocketAddr]) -> impl Iterator<Item = SocketAddr> {
    let (four, six) = sorted.split_at(sorted.partition_point(SocketAddr::is_ipv4));
    (0..sorted.len()).flat_map(|turn| [six.get(turn), four.get(turn)]).flatten().copied()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(_) | Self::Several(_) => self.key().fmt(f),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_ipv6_begins() {
        let all = addresses(&["10.0.0.2:1", "10.0.0.1:1", "[::2]:1", "10.0.0.3:1", "[::2]:1"]);
        let Some(Address::Several(order)) = Address::of_one_server(all) else { panic!("several") };
        assert_eq!(order[..], addresses(&["[::2]:1", "10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"]));
    }

    #[test]
    fn an_endpoint_is_called_the_same_whatever_its_addresses_are_listed_in() {
        let one = Address::of_one_server(addresses(&["[::1]:1", "127.0.0.1:1"])).unwrap();
        let other = Address::of_one_server(addresses(&["127.0.0.1:1", "[::1]:1"])).unwrap();
        assert_eq!(one, other);
        assert_eq!((one.key(), one.to_string().as_str()), (([127, 0, 0, 1], 1).into(), "127.0.0.1:1"));
        assert_eq!(Address::of_one_server(Vec::new()), None);
    }

    #[test]
    fn no_more_are_tried_than_a_host_can_reasonably_have() {
        let many = (1..100).map(|port| ([10, 0, 0, 1], port).into()).collect();
        let Some(Address::Several(order)) = Address::of_one_server(many) else { panic!("several") };
        assert_eq!(order.len(), MOST);
    }
}
