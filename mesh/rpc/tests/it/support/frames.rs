//! HTTP/2 by hand, where a peer must say what no library lets it say.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame of HTTP/2 (RFC 9113, section 4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// How many HEADERS frames there are behind the preface.
pub(crate) fn calls(bytes: &[u8]) -> usize {
    let (mut calls, mut frames) = (0, bytes.get(24..).unwrap_or_default());
    while let Some((head, rest)) = frames.split_first_chunk::<9>() {
        calls += usize::from(head[3] == HEADERS);
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        frames = rest.get(length..).unwrap_or_default();
    }
    calls
}

/// What begins every connection of a client.
pub(crate) fn hello() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// The head of a unary call, by literals that are not indexed (RFC 7541).
pub(crate) fn head(path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    let path = path.as_bytes();
    for (name, value) in [
        (b":method".as_slice(), b"POST".as_slice()),
        (b":scheme", b"http"),
        (b":path", path),
        (b":authority", b"h"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
    ] {
        block.extend_from_slice(&[0, u8::try_from(name.len()).unwrap()]);
        block.extend_from_slice(name);
        block.push(u8::try_from(value.len()).unwrap());
        block.extend_from_slice(value);
    }
    block
}

/// A frame that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Seen {
    /// The last stream and the error code of a GOAWAY.
    #[track_caller]
    pub(crate) fn goaway(&self) -> (u32, u32) {
        assert_eq!(self.kind, GOAWAY, "{self:?}");
        let number = |at: usize| u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap());
        (number(0), number(4))
    }
}

/// The next frame; `None` once the other end has closed.
pub(crate) async fn next(io: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut head = [0; 9];
    io.read_exact(&mut head).await.ok()?;
    let [long, longer, longest, kind, flags, a, b, c, d] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, long, longer, longest]) as usize];
    io.read_exact(&mut payload).await.ok()?;
    Some(Seen { kind, flags, stream: u32::from_be_bytes([a, b, c, d]), payload })
}

/// The next frame of a kind.
pub(crate) async fn next_of(io: &mut (impl AsyncRead + Unpin), kind: u8) -> Option<Seen> {
    loop {
        let seen = next(io).await?;
        if seen.kind == kind && !(kind == PING && seen.flags == ACK) {
            return Some(seen);
        }
    }
}

/// Begins a connection.
pub(crate) async fn greet(io: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    io.write_all(&hello()).await.unwrap();
    assert_eq!(next(io).await.map(|seen| seen.kind), Some(SETTINGS));
    io.write_all(&frame(SETTINGS, ACK, 0, &[])).await.unwrap();
}
