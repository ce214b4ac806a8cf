//! A place in a trace.

use std::fmt;
use std::str::FromStr;

use rand::Rng;

use super::id::write_hex;
use super::parse::parse;
use super::{InvalidTraceparent, SpanId, TraceId};

/// The name of the header and of the event's field.
pub const TRACEPARENT: &str = "traceparent";

/// The flag that says that the caller may have recorded the trace.
pub const SAMPLED: u8 = 0x01;

/// How long a `traceparent` of version 00 is, in bytes.
pub(super) const LENGTH: usize = 55;

/// A place in a trace: where a call or an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The whole trace.
    pub trace_id: TraceId,
    /// The one who calls or publishes (`parent-id` in the specification).
    pub span_id: SpanId,
    /// [`SAMPLED`] or nothing; level 1 knows no other flag.
    pub flags: u8,
}

impl TraceContext {
    /// The beginning of a new trace, sampled.
    pub fn root() -> Self {
        Self::root_with(&mut rand::rng())
    }

    /// As [`root`](Self::root), with the given randomness.
    pub fn root_with(random: &mut impl Rng) -> Self {
        Self { trace_id: TraceId::random(random), span_id: SpanId::random(random), flags: SAMPLED }
    }

    /// A new place in the same trace: what a server or a client hands on.
    #[must_use]
    pub fn child(&self) -> Self {
        self.child_with(&mut rand::rng())
    }

    /// As [`child`](Self::child), with the given randomness.
    #[must_use]
    pub fn child_with(&self, random: &mut impl Rng) -> Self {
        Self { span_id: SpanId::random(random), ..*self }
    }

    /// Whether the caller may have recorded the trace.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Reads a `traceparent`, as strictly as the specification: lower-case hex, no zero id, nothing after
    /// a version 00. A later version is read as far as version 00 goes; version ff is invalid.
    /// Flags that level 1 does not know are dropped.
    ///
    /// # Errors
    /// When it is none; the trace then starts anew, which is what the specification wants.
    pub fn parse(traceparent: &str) -> Result<Self, InvalidTraceparent> {
        parse(traceparent.as_bytes())
    }

    /// The `traceparent`, version 00: ASCII, ready for a header, without an allocation.
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(self.trace_id.as_bytes(), &mut text[3..35]);
        write_hex(self.span_id.as_bytes(), &mut text[36..52]);
        // Flags are a public field: only what level 1 knows leaves the process.
        write_hex(&[self.flags & SAMPLED], &mut text[53..55]);
        text
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id, self.span_id, self.flags & SAMPLED)
    }
}

impl FromStr for TraceContext {
    type Err = InvalidTraceparent;

    fn from_str(traceparent: &str) -> Result<Self, Self::Err> {
        Self::parse(traceparent)
    }
}
