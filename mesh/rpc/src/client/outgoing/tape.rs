//! A request's stream, recorded while it is sent, so that it can be sent again.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
/// Of one call alone: its lock is never waited for by another.
#[derive(Clone)]
pub(in crate::client) struct Tape(Arc<Mutex<Reel>>);

/// One attempt's reading of a tape, from its beginning.
pub(in crate::client) struct Playback {
    tape: Tape,
    attempt: u32,
    next: usize,
}

struct Reel {
    source: Outgoing,
    frames: Vec<Bytes>,
    size: usize,
    limit: usize,
    /// Whether another attempt could still be sent all of it.
    recording: bool,
    ended: bool,
    /// The attempt that reads now. An earlier one may not be over yet on its connection.
    attempt: u32,
}

impl Tape {
    pub(in crate::client) fn new(source: Outgoing, limit: usize) -> Self {
        let reel =
            Reel { source, frames: Vec::new(), size: 0, limit, recording: true, ended: false, attempt: 0 };
        Self(Arc::new(Mutex::new(reel)))
    }

    /// The whole stream for the next attempt; what the attempt before reads from now on is an error.
    pub(in crate::client) fn play(&self) -> Outgoing {
        let mut reel = self.reel();
        reel.attempt += 1;
        Outgoing::Taped(Playback { tape: self.clone(), attempt: reel.attempt, next: 0 })
    }

    /// Whether another attempt could be sent all of it.
    pub(in crate::client) fn is_whole(&self) -> bool {
        self.reel().recording
    }

    /// There will be no other attempt: nothing more is kept.
    pub(in crate::client) fn commit(&self) {
        self.reel().recording = false;
    }

    fn reel(&self) -> MutexGuard<'_, Reel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Playback {
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut reel = self.tape.reel();
        if reel.attempt != self.attempt {
            return Poll::Ready(Some(Err(MeshError::CallerGone.into())));
        }
        if let Some(data) = reel.frames.get(self.next) {
            let frame = Frame::data(data.clone());
            self.next += 1;
            if !reel.recording && self.next == reel.frames.len() {
                reel.frames = Vec::new();
                self.next = 0;
            }
            return Poll::Ready(Some(Ok(frame)));
        }
        if reel.ended {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut reel.source).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => match frame.data_ref() {
                Some(data) if reel.recording => {
                    self.next += 1;
                    if !reel.keep(data.clone()) {
                        self.next = 0;
                    }
                }
                _ => {}
            },
            Poll::Ready(None) => reel.ended = true,
            // There is no whole stream, and half of one must never look like it.
            Poll::Ready(Some(Err(_))) => {
                reel.recording = false;
                reel.attempt += 1;
            }
            Poll::Pending => {}
        }
        polled
    }

    pub(super) fn is_end_stream(&self) -> bool {
        let reel = self.tape.reel();
        let is_at_end = reel.attempt == self.attempt && self.next >= reel.frames.len();
        is_at_end && (reel.ended || reel.source.is_end_stream())
    }
}

impl Reel {
    /// Whether it could be kept.
    fn keep(&mut self, data: Bytes) -> bool {
        self.size = self.size.saturating_add(data.len());
        if self.size > self.limit {
            self.recording = false;
            self.frames = Vec::new();
            return false;
        }
        self.frames.push(data);
        true
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
    use futures_util::stream;
    use http_body_util::{BodyExt as _, StreamBody};
    use tonic::{Code, body::Body};

    use super::*;

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
        let tape = tape(&["a", "b", "c"], 3);
        let mut first = tape.play();
        assert_eq!(read(&mut first).await.unwrap().unwrap(), "a");
        let second = tape.play();
        assert_eq!(second.collect().await.unwrap().to_bytes(), "abc");
        let third = tape.play();
        assert_eq!(third.collect().await.unwrap().to_bytes(), "abc");
        assert!(tape.is_whole());
    }

    #[tokio::test]
    async fn an_attempt_that_was_given_up_gets_an_error_and_never_a_clean_end() {
        let tape = tape(&["a", "b"], 3);
        let mut first = tape.play();
        assert_eq!(read(&mut first).await.unwrap().unwrap(), "a");
        let mut second = tape.play();
        assert_eq!(read(&mut first).await, Some(Err(Code::Cancelled)));
        assert_eq!(read(&mut second).await.unwrap().unwrap(), "a");
    }

    #[tokio::test]
    async fn beyond_its_bound_nothing_is_kept_and_nothing_is_lost() {
        let tape = tape(&["a", "b", "c", "d"], 2);
        let mut first = tape.play();
        for (text, whole) in [("a", true), ("b", true), ("c", false), ("d", false)] {
            assert_eq!(read(&mut first).await.unwrap().unwrap(), text);
            assert_eq!(tape.is_whole(), whole, "{text}");
        }
        assert_eq!(read(&mut first).await, None);
        assert!(tape.reel().frames.is_empty());
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_is_not_sent_once_more() {
        let broken = [Ok(Frame::data(Bytes::from_static(b"a"))), Err(Status::data_loss("its source broke"))];
        let broken = StreamBody::new(stream::iter(broken));
        let tape = Tape::new(Outgoing::streamed(Body::new(broken)), 9);
        let mut first = tape.play();
        assert_eq!(read(&mut first).await.unwrap().unwrap(), "a");
        assert_eq!(read(&mut first).await, Some(Err(Code::DataLoss)));
        assert!(!tape.is_whole());
        assert_eq!(read(&mut first).await, Some(Err(Code::Cancelled)), "and never a clean end");
        assert!(!first.is_end_stream());
    }

    #[tokio::test]
    async fn the_last_data_of_each_attempt_says_that_it_is_the_last() {
        let whole = http_body_util::Full::new(Bytes::from_static(b"a"));
        let tape = Tape::new(Outgoing::streamed(Body::new(whole)), 9);
        for _ in 0..2 {
            let mut attempt = tape.play();
            assert!(!attempt.is_end_stream());
            assert_eq!(read(&mut attempt).await.unwrap().unwrap(), "a");
            assert!(attempt.is_end_stream());
        }
    }

    #[tokio::test]
    async fn what_is_committed_is_read_to_its_end_and_then_forgotten() {
        let tape = tape(&["a", "b", "c"], 9);
        let mut first = tape.play();
        read(&mut first).await.unwrap().unwrap();
        read(&mut first).await.unwrap().unwrap();
        let second = tape.play();
        tape.commit();
        assert!(!tape.is_whole());
        assert_eq!(second.collect().await.unwrap().to_bytes(), "abc");
        assert!(tape.reel().frames.is_empty());
    }
}
