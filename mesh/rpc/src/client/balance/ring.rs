//! Where a key belongs: consistent hashing.
//!
//! Every endpoint has many points on a ring of 2^64, by its address alone, so that all clients agree; a key belongs
//! to the endpoint of the next point. When an endpoint comes or goes, only the keys of its own arcs move.
//!
//! A ring of `n` endpoints has up to 160 points for each and 65,536 in all (at least 4 each): about a megabyte. Points
//! are as evenly spread as hashes are, so each is kept about where it is on the ring, in a table with as much room again:
//! a hash table whose order is that of the hashes ("linear probing sort", Gonnet and Munro 1984). A key finds its point
//! by one look into memory, however many there are. With thousands of endpoints the arcs are uneven; what that would do
//! to the load is undone by its bound.

use std::net::{IpAddr, SocketAddr};

use crate::hash::mix;

const MOST_POINTS_EACH: usize = 160;
const LEAST_POINTS_EACH: usize = 4;
const POINTS: usize = 65_536;

/// How far a key is carried on from a point. Beyond, it goes to whoever has room.
const STEPS: usize = 64;

/// Points of endpoints, in the order of the ring.
#[derive(Debug)]
pub(in crate::client) struct Ring {
    /// Each point at the place that its upper bits say, or at the next one that was free.
    table: Vec<Point>,
    points: usize,
    /// A point's and a key's upper bits are its place.
    shift: u32,
}

/// A point, in eight bytes: of where it is only the upper half is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    at: u32,
    /// [`NOBODY`]: there is no point here.
    endpoint: u32,
}

const NOBODY: u32 = u32::MAX;
const FREE: Point = Point { at: 0, endpoint: NOBODY };

impl Ring {
    pub(in crate::client) fn new(addresses: impl ExactSizeIterator<Item = SocketAddr>) -> Self {
        let each = (POINTS / addresses.len().max(1)).clamp(LEAST_POINTS_EACH, MOST_POINTS_EACH);
        let mut points = Vec::with_capacity(addresses.len() * each);
        for (endpoint, address) in (0_u32..).zip(addresses) {
            let seed = hash(address);
            points.extend((0..each as u64).map(|point| (mix(seed ^ mix(point)), endpoint)));
        }
        points.sort_unstable();
        let bits = (2 * points.len()).max(2).next_power_of_two().ilog2();
        let shift = u64::BITS - bits;
        // The last ones may need more room than the ring has places.
        let mut table = vec![FREE; 1 << bits];
        let mut free = 0;
        for (at, endpoint) in &points {
            free = free.max((at >> shift) as usize);
            if free == table.len() {
                table.push(FREE);
            }
            table[free] = Point { at: upper(*at), endpoint: *endpoint };
            free += 1;
        }
        table.shrink_to_fit();
        Self { table, points: points.len(), shift }
    }

    /// All points from the first one at `key` or beyond, once around.
    fn from(&self, key: u64) -> impl Iterator<Item = Point> {
        let (before, after) = self.table.split_at((key >> self.shift) as usize);
        // Points before the key are here if they found no room before; behind them there is none of the kind.
        let passed =
            after.iter().take_while(|point| point.endpoint != NOBODY && point.at < upper(key)).count();
        let (passed, after) = after.split_at(passed);
        let around = after.iter().chain(before).chain(passed);
        around.filter(|point| point.endpoint != NOBODY).copied().take(self.points)
    }

    /// The endpoints for a key, in the order in which it goes on to the next one. The same one may come twice, but
    /// not twice in a row.
    pub(in crate::client) fn walk(&self, key: u64) -> impl Iterator<Item = usize> {
        // Keys may be as regular as they like: user 1, user 2.
        let key = mix(key ^ 0x6d65_7368);
        let mut last = None;
        self.from(key).take(STEPS).filter_map(move |point| {
            let fresh = last != Some(point.endpoint);
            last = Some(point.endpoint);
            fresh.then_some(point.endpoint as usize)
        })
    }
}

fn upper(bits: u64) -> u32 {
    (bits >> 32) as u32
}

/// The same on every machine, in every version: two clients that disagree spoil each other's caches.
fn hash(address: SocketAddr) -> u64 {
    let bits = match address.ip() {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    };
    let (high, low) = ((bits >> 64) as u64, bits as u64);
    [high, low, u64::from(address.port())]
        .into_iter()
        .fold(0, |hash, word| mix(hash ^ word).wrapping_add(word))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn addresses(count: u16) -> Vec<SocketAddr> {
        (1..=count)
            .map(|host| ([10, 0, host.to_be_bytes()[0], host.to_be_bytes()[1]], 50_051).into())
            .collect()
    }

    fn owner(addresses: &[SocketAddr], ring: &Ring, key: u64) -> SocketAddr {
        addresses[ring.walk(key).next().unwrap()]
    }

    #[test]
    fn the_table_finds_what_a_search_does() {
        for count in [0, 1, 2, 3, 100, 1_000] {
            let ring = Ring::new(addresses(count).into_iter());
            let points: Vec<_> =
                ring.table.iter().filter(|point| point.endpoint != NOBODY).copied().collect();
            assert!(points.is_sorted_by_key(|point| point.at));
            assert_eq!(points.len(), ring.points);
            let edges = points.iter().map(|point| u64::from(point.at) << 32);
            let edges = edges.flat_map(|at| [at.wrapping_sub(1), at, at | u64::from(u32::MAX)]);
            let random = (0..10_000).map(mix);
            for key in edges.chain(random).chain([0, u64::MAX]) {
                let first = points.partition_point(|point| point.at < upper(key));
                let expected = points[first..].iter().chain(&points[..first]).copied().take(3);
                assert!(ring.from(key).take(3).eq(expected), "{key}");
            }
        }
    }

    #[test]
    fn a_walk_goes_around_once() {
        let ring = Ring::new(addresses(3).into_iter());
        for key in (0..1_000).map(mix).chain([0, u64::MAX]) {
            assert_eq!(ring.from(key).count(), ring.points, "{key}");
        }
    }

    #[test]
    fn keys_are_spread_evenly() {
        for count in [3, 10, 100] {
            let addresses = addresses(count);
            let ring = Ring::new(addresses.iter().copied());
            let mut keys = BTreeMap::<_, u32>::new();
            for key in 0..100_000 {
                *keys.entry(owner(&addresses, &ring, key)).or_default() += 1;
            }
            let mean = 100_000.0 / f64::from(count);
            let shares: Vec<_> = keys.values().map(|keys| f64::from(*keys) / mean).collect();
            assert_eq!(shares.len(), usize::from(count));
            // 160 points each: a standard deviation of 8 %.
            assert!(shares.iter().all(|share| (0.7..1.35).contains(share)), "{count}: {shares:?}");
        }
    }

    #[test]
    fn only_the_keys_of_an_endpoint_that_goes_move() {
        let before = addresses(10);
        let mut after = before.clone();
        let gone = after.remove(4);
        // The order in which a resolver names them does not matter.
        after.reverse();
        let rings = (Ring::new(before.iter().copied()), Ring::new(after.iter().copied()));
        for key in 0..10_000 {
            let owners = (owner(&before, &rings.0, key), owner(&after, &rings.1, key));
            assert!(owners.0 == gone || owners.0 == owners.1);
            assert_ne!(owners.1, gone);
        }
    }

    #[test]
    fn a_key_goes_on_to_others_and_does_not_go_in_circles() {
        let addresses = addresses(3);
        let ring = Ring::new(addresses.iter().copied());
        let walk: Vec<_> = ring.walk(42).collect();
        assert!(walk.windows(2).all(|pair| pair[0] != pair[1]));
        assert!((0..3).all(|endpoint| walk.contains(&endpoint)));
        assert!(walk.len() <= STEPS);
        assert_eq!(Ring::new(std::iter::empty()).walk(42).count(), 0);
    }

    #[test]
    fn the_places_of_keys_are_a_promise_to_other_versions() {
        let addresses = addresses(5);
        let ring = Ring::new(addresses.iter().copied());
        let owners: Vec<_> = (0..12).map(|key| ring.walk(key).next().unwrap()).collect();
        assert_eq!(owners, [4, 0, 0, 2, 2, 2, 1, 1, 3, 1, 0, 4]);
    }
}
