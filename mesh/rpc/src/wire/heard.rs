//! When a connection was heard of last, and what a server noticed by the way.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Duration, Instant},
};

use super::frames::{Frames, Sight};

/// The time of the last read that brought something.
#[derive(Clone, Debug)]
pub(super) struct LastHeard {
    begin: Instant,
    noted: Arc<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    nanos: AtomicU64,
    /// Since when something is under way, plus one; 0 if nothing is.
    partial: AtomicU64,
    strikes: AtomicU32,
}

impl LastHeard {
    pub(super) fn new() -> Self {
        Self { begin: Instant::now(), noted: Arc::default() }
    }

    pub(super) fn at(&self) -> Instant {
        self.begin + Duration::from_nanos(self.noted.nanos.load(Ordering::Relaxed))
    }

    /// Since when a frame or a block of headers has begun and is not whole.
    pub(super) fn partial_since(&self) -> Option<Instant> {
        let nanos = self.noted.partial.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.begin + Duration::from_nanos(nanos))
    }

    /// PINGs that came too soon.
    pub(super) fn strikes(&self) -> u32 {
        self.noted.strikes.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        let nanos = u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.noted.nanos.store(nanos, Ordering::Relaxed);
        nanos
    }

    fn note(&self, sight: Sight) {
        let partial = sight.partial_since.map_or(0, |since| since.saturating_add(1));
        self.noted.partial.store(partial, Ordering::Relaxed);
        self.noted.strikes.store(sight.strikes, Ordering::Relaxed);
    }
}

/// A connection that notes when it is heard of.
#[derive(Debug)]
pub(crate) struct Heard<Io> {
    io: Io,
    last: LastHeard,
    /// Of a server, which watches its peer.
    frames: Option<Frames>,
}

impl<Io> Heard<Io> {
    pub(super) fn new(io: Io, last: LastHeard, frames: Option<Frames>) -> Self {
        Self { io, last, frames }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Heard<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        let read = &buf.filled()[before..];
        if !read.is_empty() {
            let now = self.last.now();
            let this = &mut *self;
            if let Some(frames) = &mut this.frames {
                this.last.note(frames.see(read, now));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Heard<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
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
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
