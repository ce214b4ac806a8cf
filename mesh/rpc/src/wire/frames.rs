//! What a server sees of the frames that it reads, beside h2.
//!
//! h2 keeps what is not whole yet and asks nobody how long that may take, and it answers every PING. So a reader
//! beside it follows the frames (RFC 9113, section 4.1) by their heads, nine bytes of each, and tells two things:
//! since when a frame, or a block of headers, has begun and is not whole; and how many PINGs came too soon.

use std::time::Duration;

const HEAD: usize = 9;
/// `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n` (RFC 9113, section 3.4).
const PREFACE: usize = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// Follows the frames of a connection. Points in time are nanoseconds since its beginning.
#[derive(Debug)]
pub(super) struct Frames {
    at: At,
    /// A block of headers has begun, and its last frame has not come.
    is_within_headers: bool,
    /// When what is not whole now had begun.
    partial_since: Option<u64>,
    pings: Pings,
}

#[derive(Clone, Copy, Debug)]
enum At {
    Head { bytes: [u8; HEAD], have: usize },
    Payload { left: usize },
}

const BETWEEN: At = At::Head { bytes: [0; HEAD], have: 0 };

/// gRFC A8, server side: a PING within `min_interval` of the one before is a strike, unless calls went on meanwhile.
#[derive(Debug)]
struct Pings {
    min_interval: u64,
    last: Option<u64>,
    strikes: u32,
}

/// What of a connection is worth a look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sight {
    /// Since when a frame or a block of headers is under way.
    pub(super) partial_since: Option<u64>,
    /// PINGs that came too soon.
    pub(super) strikes: u32,
}

impl Frames {
    pub(super) fn new(min_ping_interval: Duration) -> Self {
        let min_interval = u64::try_from(min_ping_interval.as_nanos()).unwrap_or(u64::MAX);
        Self {
            at: At::Payload { left: PREFACE },
            is_within_headers: false,
            partial_since: None,
            pings: Pings { min_interval, last: None, strikes: 0 },
        }
    }

    /// Something was read at `now`.
    pub(super) fn see(&mut self, mut bytes: &[u8], now: u64) -> Sight {
        while !bytes.is_empty() {
            match &mut self.at {
                At::Payload { left } => {
                    let taken = bytes.len().min(*left);
                    *left -= taken;
                    bytes = &bytes[taken..];
                    if *left == 0 {
                        self.at = BETWEEN;
                        self.is_whole();
                    }
                }
                At::Head { bytes: head, have } => {
                    let (part, rest) = bytes.split_at(bytes.len().min(HEAD - *have));
                    head[*have..*have + part.len()].copy_from_slice(part);
                    *have += part.len();
                    bytes = rest;
                    if *have == HEAD {
                        let head = *head;
                        self.begin(head, now);
                    }
                }
            }
        }
        let is_partial = self.is_within_headers || !matches!(self.at, At::Head { have: 0, .. });
        self.partial_since = is_partial.then(|| self.partial_since.unwrap_or(now));
        Sight { partial_since: self.partial_since, strikes: self.pings.strikes }
    }

    fn begin(&mut self, head: [u8; HEAD], now: u64) {
        let [long, longer, longest, kind, flags, ..] = head;
        match kind {
            HEADERS | CONTINUATION => self.is_within_headers = flags & END_HEADERS == 0,
            PING if flags & ACK == 0 => self.pings.came(now),
            _ => {}
        }
        if matches!(kind, DATA | HEADERS | WINDOW_UPDATE) {
            self.pings.excuse();
        }
        let left = u32::from_be_bytes([0, long, longer, longest]) as usize;
        self.at = if left == 0 { BETWEEN } else { At::Payload { left } };
        if left == 0 {
            self.is_whole();
        }
    }

    /// A frame has come to its end. What follows may take its own time, but a block of headers must not take it
    /// frame by frame.
    fn is_whole(&mut self) {
        if !self.is_within_headers {
            self.partial_since = None;
        }
    }
}

impl Pings {
    fn came(&mut self, now: u64) {
        if self.last.is_some_and(|last| now.saturating_sub(last) < self.min_interval) {
            self.strikes = self.strikes.saturating_add(1);
        }
        self.last = Some(now);
    }

    /// The peer makes calls, or reads answers: it may ask how long the way is.
    fn excuse(&mut self) {
        (self.last, self.strikes) = (None, 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn open() -> Frames {
        let mut frames = Frames::new(Duration::from_secs(1));
        frames.see(&[0; PREFACE], 0);
        frames
    }

    fn partial(frames: &mut Frames, bytes: &[u8], now: u64) -> Option<u64> {
        frames.see(bytes, now).partial_since
    }

    #[test]
    fn what_is_whole_is_not_under_way_however_it_is_cut() {
        let bytes =
            [frame(HEADERS, END_HEADERS, b"head"), frame(DATA, 0, b""), frame(4, 0, &[0; 6])].concat();
        for size in 1..=bytes.len() {
            let mut frames = open();
            let last = bytes.chunks(size).map(|piece| frames.see(piece, SECOND)).last().unwrap();
            assert_eq!(last, Sight::default(), "{size}");
        }
    }

    #[test]
    fn tells_since_when_a_frame_is_under_way() {
        let mut frames = open();
        let bytes = frame(DATA, 0, &[0; 100]);
        assert_eq!(partial(&mut frames, &bytes[..5], SECOND), Some(SECOND));
        assert_eq!(partial(&mut frames, &bytes[5..50], 2 * SECOND), Some(SECOND));
        // Its end, and the beginning of the next.
        let rest = [&bytes[50..], &bytes[..1]].concat();
        assert_eq!(partial(&mut frames, &rest, 3 * SECOND), Some(3 * SECOND));
        assert_eq!(partial(&mut frames, &bytes[1..], 4 * SECOND), None);
    }

    #[test]
    fn a_block_of_headers_is_under_way_until_its_last_frame() {
        let mut frames = open();
        assert_eq!(partial(&mut frames, &frame(HEADERS, 0, b"a"), SECOND), Some(SECOND));
        assert_eq!(partial(&mut frames, &frame(CONTINUATION, 0, b"b"), 2 * SECOND), Some(SECOND));
        assert_eq!(partial(&mut frames, &frame(CONTINUATION, END_HEADERS, b"c"), 3 * SECOND), None);
    }

    #[test]
    fn pings_that_come_too_soon_are_strikes_unless_calls_go_on() {
        let mut frames = open();
        let ping = frame(PING, 0, &[0; 8]);
        let strikes = |frames: &mut Frames, bytes: &[u8], now| frames.see(bytes, now).strikes;
        assert_eq!(strikes(&mut frames, &ping, 0), 0);
        assert_eq!(strikes(&mut frames, &ping, SECOND), 0, "in time");
        assert_eq!(strikes(&mut frames, &ping.repeat(3), SECOND), 3);
        assert_eq!(strikes(&mut frames, &frame(PING, ACK, &[0; 8]), SECOND), 3, "an answer is no question");
        assert_eq!(strikes(&mut frames, &frame(WINDOW_UPDATE, 0, &[0; 4]), SECOND), 0);
        assert_eq!(strikes(&mut frames, &ping, SECOND), 0);
        assert_eq!(strikes(&mut frames, &ping, SECOND + 1), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_followed(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..9)) {
            let mut frames = open();
            for piece in pieces {
                frames.see(&piece, SECOND);
            }
        }
    }
}
