//! Connections beyond those that a server has places for, and how they are told.
//!
//! One that waited in the listener's backlog would look open to its client, whose calls would then wait for their
//! deadlines. GOAWAY with the number 0 says that none of them was looked at, so all of them may go elsewhere at once
//! (RFC 9113, section 6.8).

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    task::JoinSet,
    time::timeout,
};

/// How many are told at once. Whoever comes meanwhile is only closed.
const TOLD_AT_ONCE: usize = 256;

/// How long one may take to hear it and to leave.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much of what it says is read, in bytes: a connection that is closed before that is reset, and what it was
/// told may be lost with it.
const LISTENED: u64 = 64 * 1024;

/// An empty SETTINGS frame, with which every server begins, and GOAWAY with NO_ERROR.
const FAREWELL: &[u8] = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\
    \x00\x00\x1c\x07\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\
    too many connections";

/// Turns connections away.
#[derive(Debug, Default)]
pub(super) struct Surplus {
    telling: JoinSet<()>,
}

impl Surplus {
    /// Tells this one that there is no place for it.
    pub(super) fn turn_away<Io>(&mut self, io: Io)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        while self.telling.try_join_next().is_some() {}
        if self.telling.len() < TOLD_AT_ONCE {
            self.telling.spawn(async move {
                // Whoever does not listen is closed all the same.
                let _ = timeout(PATIENCE, tell(io)).await;
            });
        }
    }
}

async fn tell<Io: AsyncRead + AsyncWrite + Unpin>(mut io: Io) -> io::Result<()> {
    io.write_all(FAREWELL).await?;
    io.shutdown().await?;
    tokio::io::copy(&mut io.take(LISTENED), &mut tokio::io::sink()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::{io::duplex, time::Instant};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn is_told_in_frames_of_http2_and_closed() {
        let (mut client, server) = duplex(1_024);
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut surplus = Surplus::default();
        surplus.turn_away(server);
        let mut said = Vec::new();
        client.read_to_end(&mut said).await.unwrap();
        assert_eq!(said, FAREWELL);
        let (settings, goaway) = said.split_at(9);
        assert_eq!((settings[3], goaway[3]), (4, 7));
        assert_eq!(usize::from(goaway[2]), goaway.len() - 9, "the length that it says");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stays_is_closed_all_the_same_and_more_than_can_be_told_at_once() {
        let mut surplus = Surplus::default();
        let begun = Instant::now();
        let clients: Vec<_> = (0..TOLD_AT_ONCE + 1)
            .map(|_| {
                let (client, server) = duplex(8);
                surplus.turn_away(server);
                client
            })
            .collect();
        assert_eq!(surplus.telling.len(), TOLD_AT_ONCE);
        while surplus.telling.join_next().await.is_some() {}
        assert_eq!(begun.elapsed(), PATIENCE);
        for mut client in clients {
            let mut said = Vec::new();
            client.read_to_end(&mut said).await.unwrap();
        }
    }
}
