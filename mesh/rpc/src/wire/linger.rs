//! A connection that hears its peer out before it is closed.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Duration, Sleep, sleep},
};

/// How long a peer may go on after this end has said everything. It has only to read GOAWAY and to close.
const LINGER: Duration = Duration::from_secs(2);

/// What is read and thrown away at once, in bytes.
const DISCARDED: usize = 4 * 1024;

/// A connection of which closing begins with the writing half and ends when the peer has closed too, or after
/// [`LINGER`].
///
/// Whoever closes a TCP connection that has something unread, or to which something still comes, resets it (RFC 9293,
/// section 3.10.4), and a reset throws away what was said and has not yet arrived: the last answer of a server that
/// drains, to a client that asks it for a sign of life at that very moment. HTTP/1.1 knows this as the lingering close
/// (RFC 9112, section 9.6).
#[derive(Debug)]
pub(super) struct Lingering<Io> {
    io: Io,
    /// Until when, once nothing more will be said.
    until: Option<Pin<Box<Sleep>>>,
}

impl<Io> Lingering<Io> {
    pub(super) fn new(io: Io) -> Self {
        Self { io, until: None }
    }
}

impl<Io: AsyncRead + Unpin> Lingering<Io> {
    /// Over when the peer has closed. An error is an end too: nothing is left that it could spoil.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut discarded = [0; DISCARDED];
        loop {
            let mut buffer = ReadBuf::new(&mut discarded);
            let read = ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Lingering<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.until.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.until = Some(Box::pin(sleep(LINGER)));
        }
        // First: a peer that never stops talking is not listened to for longer either.
        if self.until.as_mut().is_some_and(|until| until.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Ok(()));
        }
        self.poll_closed(cx).map(Ok)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        net::{TcpListener, TcpSocket, TcpStream},
        time::Instant,
    };

    use super::*;

    /// A client that takes little before it reads, and its server.
    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpSocket::new_v4().unwrap();
        client.set_recv_buffer_size(4 * 1024).unwrap();
        let client = client.connect(listener.local_addr().unwrap());
        let (client, server) = tokio::join!(client, listener.accept());
        (client.unwrap(), server.unwrap().0)
    }

    #[tokio::test]
    async fn what_was_said_last_arrives_though_the_peer_had_more_to_say() {
        let (mut client, server) = pair().await;
        client.write_all(b"unread").await.unwrap();
        server.readable().await.unwrap();
        let answer = vec![7; 256 * 1024];
        let mut server = Lingering::new(server);
        // Into this end's own buffer: most of it is still there when closing begins.
        server.write_all(&answer).await.unwrap();
        let closing = tokio::spawn(async move {
            server.shutdown().await.unwrap();
        });
        tokio::task::yield_now().await;
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert!(heard == answer);
        drop(client);
        closing.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_neither_closes_nor_stops_is_left_after_a_while() {
        let (mut client, server) = duplex(16);
        let talking = tokio::spawn(async move {
            while client.write_all(b"and another thing").await.is_ok() {
                sleep(Duration::from_millis(10)).await;
            }
        });
        let (mut server, begun) = (Lingering::new(server), Instant::now());
        server.shutdown().await.unwrap();
        assert_eq!(begun.elapsed(), LINGER);
        drop(server);
        talking.await.unwrap();
    }
}
