//! A time limit for whoever connects and does not speak.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

/// `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n` (RFC 9113, section 3.4).
const PREFACE_LENGTH: usize = 24;

/// What a server that goes away still grants to a client that has just connected: its first bytes, and perhaps a
/// call, are on their way.
const LAST_GRACE: Duration = Duration::from_millis(100);

/// A connection that fails unless the client's preface arrives in time, and before the server goes away.
///
/// Pings find a peer that has died, but only once HTTP/2 is spoken, and GOAWAY can only be said to a peer that
/// speaks it; before that nothing would ever give back the place that a silent connection takes.
pub(super) struct Preface<Io> {
    io: Io,
    /// What is still to come, and until when. `None` once all of it has.
    waiting: Option<(usize, BoxFuture<'static, ()>)>,
}

impl<Io> Preface<Io> {
    pub(super) fn new(io: Io, timeout: Duration, going_away: CancellationToken) -> Self {
        let patience = async move {
            let gone = async {
                going_away.cancelled().await;
                tokio::time::sleep(LAST_GRACE).await;
            };
            let _ = tokio::time::timeout(timeout, gone).await;
        };
        Self { io, waiting: Some((PREFACE_LENGTH, Box::pin(patience))) }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Preface<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buffer);
        let Some((missing, patience)) = &mut self.waiting else { return polled };
        match polled {
            Poll::Ready(Ok(())) => {
                *missing = missing.saturating_sub(buffer.filled().len() - before);
                if *missing == 0 {
                    self.waiting = None;
                }
            }
            Poll::Pending if patience.as_mut().poll(cx).is_ready() => {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            _ => {}
        }
        polled
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Preface<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    fn second(server: tokio::io::DuplexStream) -> Preface<tokio::io::DuplexStream> {
        Preface::new(server, Duration::from_secs(1), CancellationToken::new())
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_the_connection() {
        let (mut client, server) = duplex(64);
        client.write_all(b"PRI * ").await.unwrap();
        let mut server = second(server);
        let error = server.read_exact(&mut [0; PREFACE_LENGTH]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_spoken_may_be_silent() {
        let (mut client, server) = duplex(64);
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut server = second(server);
        server.read_exact(&mut [0; PREFACE_LENGTH]).await.unwrap();
        tokio::time::advance(Duration::from_secs(60)).await;
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x');
    }
}
