//! Happy Eyeballs (RFC 8305; gRFC A61): an endpoint with several addresses is tried at one after the other, without
//! waiting for each to fail.

use std::{fmt::Write as _, future::Future, net::SocketAddr, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until};

/// The wait before the next address is tried beside those that have not answered yet (RFC 8305: "Connection Attempt
/// Delay"; A61: 250 ms). One that fails is not waited for.
const STAGGER: Duration = Duration::from_millis(250);

/// The first connection that comes about. The attempts that are under way by then are dropped.
///
/// # Errors
/// When none does: what each of them met.
pub(super) async fn first<T, F>(addresses: &[SocketAddr], open: impl Fn(SocketAddr) -> F) -> Result<T, String>
where
    F: Future<Output = Result<T, String>>,
{
    if let [address] = addresses {
        return open(*address).await;
    }
    let mut left = addresses.iter().copied();
    let mut attempts = FuturesUnordered::new();
    let mut causes = String::new();
    let mut next = Instant::now();
    loop {
        if next <= Instant::now()
            && let Some(address) = left.next()
        {
            let attempt = open(address);
            attempts.push(async move { (address, attempt.await) });
            next = Instant::now() + STAGGER;
        }
        tokio::select! {
            // The same race has the same winner.
            biased;
            over = attempts.next(), if !attempts.is_empty() => match over {
                Some((_, Ok(opened))) => return Ok(opened),
                Some((address, Err(cause))) => {
                    let comma = if causes.is_empty() { "" } else { ", " };
                    // Writing to a String cannot fail.
                    let _ = write!(causes, "{comma}{address}: {cause}");
                    next = Instant::now();
                }
                None => {}
            },
            () = sleep_until(next), if left.len() > 0 => {}
            else => return Err(causes),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn address(port: u16) -> SocketAddr {
        ([10, 0, 0, 1], port).into()
    }

    /// Tries ports 1, 2, ..: each succeeds or fails after so many milliseconds. Returns when each was tried, which
    /// one was connected to, and when that was.
    async fn race(ports: &[(u64, bool)]) -> (Vec<(u16, u64)>, Result<u16, String>, u64) {
        let (begun, tried) = (Instant::now(), Mutex::new(Vec::new()));
        let since = || u64::try_from(begun.elapsed().as_millis()).unwrap();
        let addresses: Vec<_> = (1..=u16::try_from(ports.len()).unwrap()).map(address).collect();
        let result = first(&addresses, |address| {
            tried.lock().unwrap().push((address.port(), since()));
            let (millis, works) = ports[usize::from(address.port()) - 1];
            async move {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                if works { Ok(address.port()) } else { Err("refused".to_owned()) }
            }
        })
        .await;
        (tried.into_inner().unwrap(), result, since())
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_is_tried_after_250_ms_and_wins_if_it_is_first() {
        let (tried, won, at) = race(&[(10_000, true), (20, true), (20, true)]).await;
        assert_eq!(tried, [(1, 0), (2, 250)]);
        assert_eq!((won, at), (Ok(2), 270));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_may_still_win_after_the_second_was_tried() {
        let (tried, won, at) = race(&[(300, true), (100, true), (1, true)]).await;
        assert_eq!(tried, [(1, 0), (2, 250)]);
        assert_eq!((won, at), (Ok(1), 300));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_fails_is_followed_by_the_next_at_once() {
        let (tried, won, at) = race(&[(10, false), (10, false), (10, true)]).await;
        assert_eq!(tried, [(1, 0), (2, 10), (3, 20)]);
        assert_eq!((won, at), (Ok(3), 30));
    }

    #[tokio::test(start_paused = true)]
    async fn the_stagger_begins_anew_with_each_attempt() {
        // The first fails while the second has been under way for 50 ms: the third comes at once, the fourth 250 ms
        // after it.
        let (tried, won, _) = race(&[(300, false), (10_000, true), (10_000, true), (1, true)]).await;
        assert_eq!(tried, [(1, 0), (2, 250), (3, 300), (4, 550)]);
        assert_eq!(won, Ok(4));
    }

    #[tokio::test(start_paused = true)]
    async fn all_failures_are_told_when_all_fail() {
        let (_, won, _) = race(&[(1, false), (1, false)]).await;
        assert_eq!(won, Err("10.0.0.1:1: refused, 10.0.0.1:2: refused".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_failure_of_one_address_is_told_in_its_own_words() {
        assert_eq!(race(&[(1, false)]).await.1, Err("refused".to_owned()));
        assert_eq!(race(&[]).await.1, Err(String::new()));
    }
}
