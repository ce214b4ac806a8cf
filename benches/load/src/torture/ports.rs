//! Ports that stay the same while programs die and come back.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::ensure;
use rand::RngExt as _;

/// Below the ports that the system gives to outgoing connections: a client that asks again and again for a port
/// that nobody listens on would sooner or later be given that very port, connect to itself, and keep it taken.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
/// How many taken ports are passed over.
const DRAWS: usize = 1_000;

/// `N` addresses of this machine on which nobody listens.
///
/// # Errors
/// When none are found.
pub(super) fn free<const N: usize>() -> anyhow::Result<[SocketAddr; N]> {
    let mut held = Vec::with_capacity(N);
    for _ in 0..DRAWS {
        if held.len() == N {
            break;
        }
        // Held until all are found, so that none is found twice.
        let port = rand::rng().random_range(PORTS);
        held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    }
    ensure!(held.len() == N, "no free ports between {} and {}", PORTS.start, PORTS.end);
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for (address, listener) in addresses.iter_mut().zip(&held) {
        *address = listener.local_addr()?;
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_different_and_not_those_of_outgoing_connections() {
        let mut addresses = free::<8>().unwrap();
        addresses.sort();
        assert!(addresses.windows(2).all(|two| two[0] != two[1]), "{addresses:?}");
        assert!(addresses.iter().all(|address| PORTS.contains(&address.port())), "{addresses:?}");
        assert!(addresses.iter().all(|address| TcpListener::bind(address).is_ok()), "{addresses:?}");
    }
}
