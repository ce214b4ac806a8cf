//! Reads a `traceparent`: `version-traceid-parentid-flags`, W3C Trace Context level 1, section 3.2.

use thiserror::Error;

use super::context::LENGTH;
use super::{SAMPLED, SpanId, TraceContext, TraceId};

/// Why a text is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidTraceparent {
    /// Shorter than a version 00 is, or longer although it is one.
    #[error("a traceparent of this version does not have this length")]
    Length,
    /// A field does not end where it must.
    #[error("a field of the traceparent is not followed by a dash")]
    Dash,
    /// A field has something else than 0 to 9 and a to f.
    #[error("a field of the traceparent is not lower-case hex")]
    Hex,
    /// Version ff, which is forbidden.
    #[error("the version of the traceparent is ff")]
    Version,
    /// The trace is nobody's.
    #[error("the trace id of the traceparent is zero")]
    ZeroTraceId,
    /// The parent is nobody.
    #[error("the parent id of the traceparent is zero")]
    ZeroSpanId,
}

pub(super) fn parse(text: &[u8]) -> Result<TraceContext, InvalidTraceparent> {
    use InvalidTraceparent::{Dash, Length, Version, ZeroSpanId, ZeroTraceId};

    let (known, beyond) = text.split_at_checked(LENGTH).ok_or(Length)?;
    let [version] = read_hex(&known[..2])?;
    match version {
        0xff => return Err(Version),
        // What follows a later version is unknown, but it is a field of its own.
        0 if !beyond.is_empty() => return Err(Length),
        _ if !matches!(beyond.first(), None | Some(b'-')) => return Err(Dash),
        _ => {}
    }
    if [2, 35, 52].into_iter().any(|dash| known[dash] != b'-') {
        return Err(Dash);
    }
    let trace_id = TraceId::new(read_hex(&known[3..35])?).ok_or(ZeroTraceId)?;
    let span_id = SpanId::new(read_hex(&known[36..52])?).ok_or(ZeroSpanId)?;
    let [flags] = read_hex(&known[53..])?;
    Ok(TraceContext { trace_id, span_id, flags: flags & SAMPLED })
}

/// The bytes that `text`, twice as long, writes as lower-case hex.
fn read_hex<const N: usize>(text: &[u8]) -> Result<[u8; N], InvalidTraceparent> {
    let (mut bytes, mut wrong) = ([0; N], 0);
    for (pair, byte) in text.chunks_exact(2).zip(&mut bytes) {
        let (high, low) = (DIGITS[usize::from(pair[0])], DIGITS[usize::from(pair[1])]);
        // What is no digit has bits beyond those of one: asked once for all, not for each.
        wrong |= high | low;
        *byte = high << 4 | low;
    }
    if wrong > 0xf { Err(InvalidTraceparent::Hex) } else { Ok(bytes) }
}

/// What each character is as a digit, or 255. Upper case is forbidden.
const DIGITS: [u8; 256] = {
    let (mut digits, mut n) = ([255; 256], 0);
    while n < 16 {
        digits[b"0123456789abcdef"[n] as usize] = n as u8;
        n += 1;
    }
    digits
};
