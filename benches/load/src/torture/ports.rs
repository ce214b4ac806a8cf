//! Ports that stay the same while programs die and come back.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use anyhow::{Context as _, ensure};
use rand::RngExt as _;

/// Below the ports that the system gives to outgoing connections: a client that asks again and again for a port
/// that nobody listens on would sooner or later be given that very port, connect to itself, and keep it taken.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
/// How many taken ports are passed over.
const DRAWS: usize = 1_000;

/// Keeps ports from whoever else draws some, in this process or another one, also while the program is away that
/// listens there: the UDP ports of the same numbers, which nobody needs.
#[derive(Debug)]
pub(super) struct Reserved {
    _locks: Vec<UdpSocket>,
}

/// `N` addresses of this machine on which nobody listens, reserved for as long as that is kept.
///
/// # Errors
/// When none are found.
pub(super) fn free<const N: usize>() -> anyhow::Result<([SocketAddr; N], Reserved)> {
    let (mut addresses, mut locks) = (Vec::with_capacity(N), Vec::with_capacity(N));
    for _ in 0..DRAWS {
        if addresses.len() == N {
            break;
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, rand::rng().random_range(PORTS)));
        if let (Ok(lock), Ok(_)) = (UdpSocket::bind(address), TcpListener::bind(address)) {
            addresses.push(address);
            locks.push(lock);
        }
    }
    ensure!(addresses.len() == N, "no free ports between {} and {}", PORTS.start, PORTS.end);
    let addresses = addresses.first_chunk().copied().context("too few ports")?;
    Ok((addresses, Reserved { _locks: locks }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_different_and_not_those_of_outgoing_connections() {
        let (mut addresses, _reserved) = free::<8>().unwrap();
        addresses.sort();
        assert!(addresses.windows(2).all(|two| two[0] != two[1]), "{addresses:?}");
        assert!(addresses.iter().all(|address| PORTS.contains(&address.port())), "{addresses:?}");
        assert!(addresses.iter().all(|address| TcpListener::bind(address).is_ok()), "{addresses:?}");
    }

    #[test]
    fn a_reserved_port_is_drawn_by_nobody_else_while_nobody_listens_there() {
        let (ours, _reserved) = free::<8>().unwrap();
        assert!(ours.iter().all(|address| UdpSocket::bind(address).is_err()), "{ours:?}");
    }
}
