//! How many bytes of messages a body has.

use std::{
    cell::Cell,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::Status;

/// What stands before each message: whether it is compressed, and its length ("gRPC over HTTP/2",
/// Length-Prefixed-Message).
const PREFIX: u8 = 5;

/// Counts the bytes of messages as they pass, compressed as they are and without what frames them: what gRFC A66
/// calls their total compressed size.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    bytes: u64,
    /// Of the message that is passing.
    left: u32,
    /// Bytes of a prefix that was cut, and the length as far as they tell it.
    prefix: u8,
    length: u32,
}

impl Meter {
    /// The bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes of the messages in `data`.
    pub(crate) fn of(data: &[u8]) -> u64 {
        let mut meter = Self::default();
        meter.see(data);
        meter.bytes
    }

    /// The next piece passes. It may end anywhere.
    pub(crate) fn see(&mut self, mut data: &[u8]) {
        while let [first, rest @ ..] = data {
            if self.left > 0 {
                let here = data.len().min(self.left as usize);
                self.bytes += here as u64;
                // No more than `left`, which is a u32.
                self.left -= here as u32;
                data = &data[here..];
            } else if let (0, [_, a, b, c, d, rest @ ..]) = (self.prefix, data) {
                // Nearly always: a prefix is whole.
                self.left = u32::from_be_bytes([*a, *b, *c, *d]);
                data = rest;
            } else {
                if self.prefix > 0 {
                    self.length = self.length << 8 | u32::from(*first);
                }
                self.prefix += 1;
                if self.prefix == PREFIX {
                    self.left = std::mem::take(&mut self.length);
                    self.prefix = 0;
                }
                data = rest;
            }
        }
    }
}

thread_local! {
    /// What the call that this thread is polling has read of its request.
    static READ: Cell<u64> = const { Cell::new(0) };
}

/// Polls something of a call; `read` becomes more by what was read of the request meanwhile.
pub(crate) fn reading<T>(read: &mut u64, poll: impl FnOnce() -> T) -> T {
    let outer = READ.replace(0);
    let polled = poll();
    *read += READ.replace(outer);
    polled
}

/// Where a body tells what has passed.
#[derive(Clone, Debug)]
pub(crate) enum Reader {
    /// To whoever is [`reading`] in the same task: nothing is shared, and nothing allocated.
    Here,
    /// To whoever asks, from wherever it is read.
    Anywhere(Arc<AtomicU64>),
}

pin_project! {
    /// A body whose messages are counted.
    #[derive(Debug)]
    pub(crate) struct Metered<B> {
        #[pin]
        inner: B,
        meter: Meter,
        reader: Reader,
    }
}

impl<B> Metered<B> {
    pub(crate) fn new(inner: B, reader: Reader) -> Self {
        Self { inner, meter: Meter::default(), reader }
    }
}

impl<B: Body<Data = Bytes, Error = Status>> Body for Metered<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
        let polled = ready!(this.inner.poll_frame(cx));
        if let Some(data) = polled.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            let before = this.meter.bytes();
            this.meter.see(data);
            let more = this.meter.bytes() - before;
            match this.reader {
                Reader::Here => READ.set(READ.get() + more),
                Reader::Anywhere(read) => _ = read.fetch_add(more, Ordering::Relaxed),
            }
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(length: u32) -> Vec<u8> {
        let mut message = vec![0];
        message.extend(length.to_be_bytes());
        message.resize(message.len() + length as usize, 1);
        message
    }

    #[test]
    fn framing_is_not_counted() {
        assert_eq!(Meter::of(&message(100)), 100);
        assert_eq!(Meter::of(&message(0)), 0);
        assert_eq!(Meter::of(&[]), 0);
        assert_eq!(Meter::of(&[message(7), message(0), message(300)].concat()), 307);
    }

    proptest! {
        #[test]
        fn it_is_the_same_wherever_it_is_cut(
            lengths in proptest::collection::vec(0_u32..700, 0..6),
            cuts in proptest::collection::vec(1_usize..40, 1..20),
        ) {
            let bytes: Vec<u8> = lengths.iter().flat_map(|length| message(*length)).collect();
            let mut meter = Meter::default();
            let (mut rest, mut cuts) = (&bytes[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, more) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                meter.see(piece);
                rest = more;
            }
            prop_assert_eq!(meter.bytes(), lengths.iter().map(|length| u64::from(*length)).sum::<u64>());
        }

        #[test]
        fn no_bytes_make_it_count_more_than_there_are(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Meter::of(&bytes) <= bytes.len() as u64);
        }
    }
}
