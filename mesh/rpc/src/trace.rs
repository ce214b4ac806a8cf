//! W3C trace context: which trace a call belongs to, from hop to hop.

use http::{HeaderName, HeaderValue};

pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// A position in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    trace: u128,
    span: u64,
    flags: u8,
}

impl TraceContext {
    /// A trace of its own.
    pub(crate) fn root() -> Self {
        Self { trace: rand::random::<u128>().max(1), span: rand::random::<u64>().max(1), flags: 0 }
    }

    /// The next span of the same trace.
    pub(crate) fn child(self) -> Self {
        Self { span: rand::random::<u64>().max(1), ..self }
    }

    pub(crate) fn trace(&self) -> u128 {
        self.trace
    }

    /// `00-<trace>-<span>-<flags>`; `None` for what is none.
    pub(crate) fn parse(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let wrong = version == "ff"
            || (version == "00" && parts.next().is_some())
            || [(version, 2), (trace, 32), (span, 16), (flags, 2)].iter().any(|(part, length)| {
                part.len() != *length || !part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            });
        if wrong {
            return None;
        }
        let context = Self {
            trace: u128::from_str_radix(trace, 16).ok()?,
            span: u64::from_str_radix(span, 16).ok()?,
            flags: u8::from_str_radix(flags, 16).ok()?,
        };
        (context.trace != 0 && context.span != 0).then_some(context)
    }

    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let text = format!("00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags);
        HeaderValue::try_from(text).ok()
    }
}

pub(crate) fn current() -> Option<TraceContext> {
    CURRENT.try_with(|context| *context).ok()
}

pub(crate) fn enter<T>(context: TraceContext, poll: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(context, poll)
}
