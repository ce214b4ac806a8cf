//! A request's stream, recorded while it is sent, so that it can be sent again.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as _, Frame};
use tonic::Status;

use super::Outgoing;
use crate::error::MeshError;

/// What a caller has sent so far, up to a bound. Beyond it, the recording ends and the attempt that is under way
/// is the last one (gRFC A6: the buffer overflows, the call is committed).
///
/// Of one call alone: its lock is waited for by nobody but the call, and by attempts that are not yet over on their
/// connections.
#[derive(Clone)]
pub(in crate::client) struct Tape(Arc<Mutex<Reel>>);

/// One attempt's reading of a tape, from its beginning.
pub(in crate::client) struct Playback {
    tape: Tape,
    attempt: u32,
}

struct Reel {
    source: Outgoing,
    /// While it is recorded, all that came; then only what is still to be read.
    frames: VecDeque<Bytes>,
    /// Of the frames, those that the present attempt has read.
    read: usize,
    size: usize,
    limit: usize,
    /// Whether another attempt could still be sent all of it.
    recording: bool,
    ended: bool,
    /// Whether the caller failed to make the rest, or some of it is forgotten.
    broken: bool,
    /// The attempt that reads now. An earlier one may not be over yet on its connection.
    attempt: u32,
}

impl Tape {
    /// Keeps at most `limit` bytes.
    pub(in crate::client) fn new(source: Outgoing, limit: usize) -> Self {
        let reel = Reel {
            source,
            frames: VecDeque::new(),
            read: 0,
            size: 0,
            limit,
            recording: true,
            ended: false,
            broken: false,
            attempt: 0,
        };
        Self(Arc::new(Mutex::new(reel)))
    }

    /// The whole stream for the next attempt, and an error if there is no whole stream any more; what the attempt
    /// before reads from now on is one in any case.
    pub(in crate::client) fn play(&self) -> Outgoing {
        let mut reel = self.reel();
        reel.broken |= reel.attempt > 0 && !reel.recording;
        reel.attempt += 1;
        reel.read = 0;
        Outgoing::Taped(Playback { tape: self.clone(), attempt: reel.attempt })
    }

    /// The attempt under way reads no more. Whether another one could be sent all of it: this does not change until
    /// that one [reads](Self::play).
    pub(in crate::client) fn stop(&self) -> bool {
        let mut reel = self.reel();
        reel.attempt += 1;
        reel.recording
    }

    /// There will be no other attempt: nothing more is kept.
    pub(in crate::client) fn commit(&self) {
        self.reel().commit();
    }

    fn reel(&self) -> MutexGuard<'_, Reel> {
        self.0.lock().unwrap_or_else(|poisoned| {
            // The caller's stream has panicked: what it says after that is not its rest.
            let mut reel = poisoned.into_inner();
            reel.broken = true;
            reel.commit();
            reel
        })
    }
}

impl Playback {
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut reel = self.tape.reel();
        // There is no whole stream, and half of one must never look like it.
        if reel.attempt != self.attempt || reel.broken {
            return Poll::Ready(Some(Err(MeshError::CallerGone.into())));
        }
        match reel.next() {
            Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
            None if reel.ended => Poll::Ready(None),
            None => reel.poll_source(cx),
        }
    }

    pub(super) fn is_end_stream(&self) -> bool {
        let reel = self.tape.reel();
        let is_at_end = reel.attempt == self.attempt && !reel.broken && reel.read >= reel.frames.len();
        is_at_end && (reel.ended || reel.source.is_end_stream())
    }
}

impl Reel {
    /// The next of what is recorded.
    fn next(&mut self) -> Option<Bytes> {
        if !self.recording {
            return self.frames.pop_front();
        }
        let data = self.frames.get(self.read).cloned();
        self.read += usize::from(data.is_some());
        data
    }

    /// What the caller makes next: all that is recorded was read.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.source).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => match frame.data_ref() {
                Some(data) => self.keep(data),
                // Trailers are not kept: no gRPC request has any.
                None => self.commit(),
            },
            Poll::Ready(None) => self.ended = true,
            Poll::Ready(Some(Err(_))) => {
                self.broken = true;
                self.commit();
            }
            Poll::Pending => {}
        }
        polled
    }

    /// Keeps what was just read, if there is room for it.
    fn keep(&mut self, data: &Bytes) {
        if !self.recording {
            return;
        }
        self.size = self.size.saturating_add(data.len() + size_of::<Bytes>());
        self.read += 1;
        self.frames.push_back(data.clone());
        if self.size > self.limit {
            self.commit();
        }
    }

    /// Keeps nothing but what is still to be read.
    fn commit(&mut self) {
        if self.recording {
            self.recording = false;
            self.frames = self.frames.split_off(self.read.min(self.frames.len()));
            self.read = 0;
        }
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").finish_non_exhaustive()
    }
}

impl fmt::Debug for Playback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Playback").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};
    use tonic::{Code, body::Body};

    use super::*;

    /// What a letter takes.
    const FRAME: usize = 1 + size_of::<Bytes>();

    fn tape(texts: &'static [&'static str], limit: usize) -> Tape {
        let frames =
            texts.iter().map(|text| Ok::<_, Status>(Frame::data(Bytes::from_static(text.as_bytes()))));
        Tape::new(Outgoing::streamed(Body::new(StreamBody::new(stream::iter(frames)))), limit)
    }

    async fn read(playback: &mut Outgoing) -> Option<Result<Bytes, Code>> {
        let frame = playback.frame().await?;
        Some(frame.map(|frame| frame.into_data().unwrap()).map_err(|status| status.code()))
    }

    #[tokio::test]
    async fn every_attempt_reads_the_whole_stream() {
        let tape = tape(&["a", "b", "c"], 3 * FRAME);
        let mut first = tape.play();
        assert_eq!(read(&mut first).await.unwrap().unwrap(), "a");
        let second = tape.play();
        assert_eq!(second.collect().await.unwrap().to_bytes(), "abc");
        let third = tape.play();
        assert_eq!(third.collect().await.unwrap().to_bytes(), "abc");
        assert!(tape.reel().recording);
    }

    #[tokio::test]
    async fn an_attempt_that_was_given_up_gets_an_error_and_never_a_clean_end() {
        let tape = tape(&["a", "b"], 2 * FRAME);
        let mut first = tape.play();
        assert_eq!(read(&mut first).await.unwrap().unwrap(), "a");
        let mut second = tape.play();
        assert_eq!(read(&mut first).await, Some(Err(Code::Cancelled)));
        assert_eq!(read(&mut second).await.unwrap().unwrap(), "a");
    }

    #[tokio::test]
    async fn beyond_its_bound_nothing_is_kept_and_nothing_is_lost() {
        let tape = tape(&["a", "b", "c", "d"], 2 * FRAME);
        let mut first = tape.play();
        for (text, whole) in [("a", true), ("b", true), ("c", false), ("d", false)] {
            assert_eq!(read(&mut first).await.unwrap().unwrap(), text);
            assert_eq!(tape.reel().recording, whole, "{text}");
        }
        assert_eq!(read(&mut first).await, None);
        assert!(tape.reel().frames.is_empty());
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_is_not_sent_once_more() {
        let broken = [Ok(Frame::data(Bytes::from_static(b"a"))), Err(Status::data_loss("its source broke"))];
        let broken = StreamBody::new(stream::iter(broken));
        let tape = Tape::new(Outgoing::streamed(Body::new(broken)), 9 * FRAME);
        let mut first = tape.play();
        assert_eq!(read(&mut first).await.unwrap().unwrap(), "a");
        assert_eq!(read(&mut first).await, Some(Err(Code::DataLoss)));
        assert!(!tape.reel().recording);
        assert_eq!(read(&mut first).await, Some(Err(Code::Cancelled)), "and never a clean end");
        assert!(!first.is_end_stream());
    }

    /// What is decided when an attempt has failed is decided for good: its connection may still be reading.
    #[tokio::test]
    async fn an_attempt_that_was_stopped_changes_nothing_any_more() {
        let tape = tape(&["a", "b"], FRAME);
        let mut first = tape.play();
        assert_eq!(read(&mut first).await.unwrap().unwrap(), "a");
        assert!(tape.stop());
        // One more would have been too much.
        assert_eq!(read(&mut first).await, Some(Err(Code::Cancelled)));
        assert!(!first.is_end_stream());
        assert_eq!(tape.play().collect().await.unwrap().to_bytes(), "ab");
        assert!(!tape.stop(), "and it was");
    }

    #[tokio::test]
    async fn nothing_is_kept_from_the_moment_on_in_which_it_is_committed() {
        let tape = tape(&["a", "b", "c"], 9 * FRAME);
        let mut first = tape.play();
        read(&mut first).await.unwrap().unwrap();
        read(&mut first).await.unwrap().unwrap();
        tape.commit();
        assert!(tape.reel().frames.is_empty());
        assert_eq!(read(&mut first).await.unwrap().unwrap(), "c");
        assert!(tape.reel().frames.is_empty());
        assert_eq!(read(&mut first).await, None);
    }

    #[tokio::test]
    async fn a_stream_with_trailers_is_not_sent_once_more() {
        let trailers = Frame::trailers(http::HeaderMap::new());
        let frames = [Ok::<_, Status>(Frame::data(Bytes::from_static(b"a"))), Ok(trailers)];
        let tape = Tape::new(Outgoing::streamed(Body::new(StreamBody::new(stream::iter(frames)))), 9 * FRAME);
        assert!(tape.play().collect().await.unwrap().trailers().is_some());
        assert!(!tape.stop());
    }

    #[tokio::test]
    async fn what_is_not_whole_is_never_played_as_if_it_were() {
        let tape = tape(&["a", "b"], 9 * FRAME);
        let mut first = tape.play();
        read(&mut first).await.unwrap().unwrap();
        tape.commit();
        assert_eq!(read(&mut tape.play()).await, Some(Err(Code::Cancelled)));
    }

    #[tokio::test]
    async fn a_stream_that_panics_is_not_sent_once_more() {
        let frames = stream::iter(["a", "b", "c"]).map(|text| {
            assert_ne!(text, "b", "it panics");
            Ok::<_, Status>(Frame::data(Bytes::from_static(text.as_bytes())))
        });
        let tape = Tape::new(Outgoing::streamed(Body::new(StreamBody::new(frames))), 9 * FRAME);
        let mut first = tape.play();
        assert_eq!(read(&mut first).await.unwrap().unwrap(), "a");
        tokio::spawn(async move { read(&mut first).await }).await.unwrap_err();
        assert!(!tape.stop());
        assert_eq!(read(&mut tape.play()).await, Some(Err(Code::Cancelled)));
    }

    #[tokio::test]
    async fn the_last_data_of_each_attempt_says_that_it_is_the_last() {
        let whole = http_body_util::Full::new(Bytes::from_static(b"a"));
        let tape = Tape::new(Outgoing::streamed(Body::new(whole)), 9 * FRAME);
        for _ in 0..2 {
            let mut attempt = tape.play();
            assert!(!attempt.is_end_stream());
            assert_eq!(read(&mut attempt).await.unwrap().unwrap(), "a");
            assert!(attempt.is_end_stream());
        }
    }

    #[tokio::test]
    async fn what_is_committed_is_read_to_its_end_and_then_forgotten() {
        let tape = tape(&["a", "b", "c"], 9 * FRAME);
        let mut first = tape.play();
        read(&mut first).await.unwrap().unwrap();
        read(&mut first).await.unwrap().unwrap();
        let second = tape.play();
        tape.commit();
        assert!(!tape.reel().recording);
        assert_eq!(second.collect().await.unwrap().to_bytes(), "abc");
        assert!(tape.reel().frames.is_empty());
    }
}
