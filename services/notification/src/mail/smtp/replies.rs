//! A TCP stream that is read line by line, so that nothing that was said in the clear is believed after STARTTLS.
//!
//! The library reads as much as there is. Whoever is between us and the relay could add answers behind the one to
//! STARTTLS; they would lie ready, and later be taken for what the relay said under TLS: "250 accepted", to a mail
//! that it never saw. Read line by line, they are still on the wire when TLS begins, are no TLS, and end it
//! (RFC 3207, section 6).

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Bytes that are taken off the wire at once.
const CHUNK: usize = 4_096;

/// A stream that gives out one line at a time, or less.
#[derive(Debug)]
pub(super) struct Replies {
    stream: TcpStream,
    chunk: Box<[u8; CHUNK]>,
    /// Bytes of the chunk that came off the wire, and how many of them were given out.
    read: usize,
    given: usize,
}

impl Replies {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, chunk: Box::new([0; CHUNK]), read: 0, given: 0 }
    }
}

impl AsyncRead for Replies {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, chunk, read, given } = self.get_mut();
        if given == read {
            let mut fresh = ReadBuf::new(&mut chunk[..]);
            ready!(Pin::new(stream).poll_read(cx, &mut fresh))?;
            (*read, *given) = (fresh.filled().len(), 0);
        }
        let left = &chunk[*given..*read];
        // TLS has lines as well, by accident: they cost it a few more reads.
        let line = left.iter().position(|byte| *byte == b'\n').map_or(left.len(), |end| end + 1);
        let taken = line.min(out.remaining());
        out.put_slice(&left[..taken]);
        *given += taken;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replies {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Replies {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}
