//! New connections, no more than there are places for.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{peer::Peer, surplus::Surplus};
use crate::network::Listener;

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Accepting from a backlog waits for nobody; this only bounds it if clients keep coming.
const BACKLOG_TIME: Duration = Duration::from_millis(1);

/// Accepts, turns away whom there is no place for, and waits out errors: at the limit of file descriptors the next
/// attempt fails at once, again and again, until some call of this very process ends.
pub(super) struct Acceptor<L> {
    listener: L,
    places: Arc<Semaphore>,
    surplus: Surplus,
    /// The pause after the last error and when it ends. Kept here, because `next` is cancelled whenever a
    /// connection ends.
    pause: Option<(Duration, Instant)>,
}

/// A connection and the place it takes.
pub(super) struct Placed<Io> {
    pub(super) io: Io,
    pub(super) place: OwnedSemaphorePermit,
    pub(super) peer: Peer,
}

impl<L: Listener> Acceptor<L> {
    pub(super) fn new(listener: L, places: usize) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(places)), surplus: Surplus::default(), pause: None }
    }

    /// The next connection. Safe to cancel.
    ///
    /// # Errors
    /// When the listener will never accept again.
    pub(super) async fn next(&mut self) -> io::Result<Placed<L::Io>> {
        loop {
            if let Some((_, until)) = self.pause {
                tokio::time::sleep_until(until).await;
            }
            match self.listener.accept().await {
                Ok((io, peer)) => {
                    self.pause = None;
                    match Arc::clone(&self.places).try_acquire_owned() {
                        Ok(place) => return Ok(Placed { io, place, peer: Peer::new(peer.ip()) }),
                        Err(_) => self.surplus.turn_away(io),
                    }
                    // Those that are turned away may come without end.
                    tokio::task::coop::consume_budget().await;
                }
                Err(error) if is_closed(&error) => return Err(error),
                Err(error) => self.wait_out(&error),
            }
        }
    }

    /// Takes what is left in the backlog, then closes the listener: who connects from here on is refused, not
    /// left waiting.
    pub(super) async fn close(mut self) -> Vec<Placed<L::Io>> {
        let mut rest = Vec::new();
        let until = Instant::now() + BACKLOG_TIME;
        while let Ok(Ok(placed)) = tokio::time::timeout_at(until, self.next()).await {
            rest.push(placed);
        }
        rest
    }

    fn wait_out(&mut self, error: &io::Error) {
        let pause = self.pause.map_or(FIRST_PAUSE, |(last, _)| (last * 2).min(LONGEST_PAUSE));
        self.pause = Some((pause, Instant::now() + pause));
        tracing::warn!(error = %mesh_telemetry::chain(error), pause_ms = pause.as_millis(), "cannot accept a connection");
    }
}

/// What accept(2) says of a descriptor that is no listening socket: EBADF and ENOTSOCK have no kind of their
/// own, EINVAL is `InvalidInput`.
fn is_closed(error: &io::Error) -> bool {
    const EBADF: i32 = 9;
    const ENOTSOCK: i32 = 88;
    error.kind() == io::ErrorKind::InvalidInput || matches!(error.raw_os_error(), Some(EBADF | ENOTSOCK))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use tokio::io::DuplexStream;

    use super::*;

    const EMFILE: i32 = 24;

    /// Fails a number of times, then accepts so many connections.
    struct Flaky {
        errors: Vec<io::Error>,
        connections: u32,
        asked: u32,
    }

    impl Listener for Flaky {
        type Io = DuplexStream;

        async fn accept(&mut self) -> io::Result<(DuplexStream, SocketAddr)> {
            self.asked += 1;
            if let Some(error) = self.errors.pop() {
                return Err(error);
            }
            if self.connections == 0 {
                std::future::pending::<()>().await;
            }
            self.connections -= 1;
            Ok((tokio::io::duplex(1).0, (Ipv4Addr::LOCALHOST, 1).into()))
        }
    }

    fn acceptor(errors: Vec<io::Error>, connections: u32) -> Acceptor<Flaky> {
        Acceptor::new(Flaky { errors, connections, asked: 0 }, 1)
    }

    #[tokio::test(start_paused = true)]
    async fn waits_longer_after_each_error_and_goes_on() {
        let errors = (0..12).map(|_| io::Error::from_raw_os_error(EMFILE)).collect();
        let mut acceptor = acceptor(errors, 1);
        let begun = Instant::now();
        assert!(acceptor.next().await.is_ok());
        assert_eq!(acceptor.listener.asked, 13);
        // 5, 10, 20, ... 640 ms, then a second for each of the four that are left.
        assert_eq!(begun.elapsed(), Duration::from_millis(5 * 255 + 4_000));
        assert!(acceptor.pause.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_listener_is_no_error_to_wait_out() {
        let mut acceptor = acceptor(vec![io::Error::from_raw_os_error(22)], 1);
        assert!(acceptor.next().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn takes_no_more_than_there_are_places_for_and_leaves_nobody_waiting() {
        let mut acceptor = acceptor(vec![], 5);
        let first = acceptor.next().await.unwrap();
        let second = tokio::time::timeout(Duration::from_secs(9), acceptor.next()).await;
        assert!(second.is_err());
        assert_eq!(acceptor.listener.connections, 0, "all that came were accepted");
        drop(first);
        acceptor.listener.connections = 1;
        assert!(acceptor.next().await.is_ok());
    }
}
