//! One span.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::SpanQueue;
use crate::{SpanId, TraceContext};

/// A span that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Its trace and itself.
    pub context: TraceContext,
    /// The span above it.
    pub parent: Option<SpanId>,
    /// `Sent.user.v1.UserService.GetUser`.
    pub name: String,
    /// Its part in the call.
    pub kind: SpanKind,
    /// When it began, in nanoseconds since 1970.
    pub start_unix_nanos: u64,
    /// How long it took.
    pub duration: Duration,
    /// How it ended.
    pub status: SpanStatus,
    /// What else there is to know.
    pub attributes: Vec<(&'static str, SpanValue)>,
}

/// The part of a span in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// It waits for an answer.
    Client,
    /// It answers.
    Server,
    /// Neither.
    Internal,
}

/// How a span ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanStatus {
    /// Nobody says.
    Unset,
    /// Well.
    Ok,
    /// Badly; with what there is to say about it.
    Error(Cow<'static, str>),
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanValue {
    /// A text.
    Text(Cow<'static, str>),
    /// A number.
    Integer(i64),
    /// Yes or no.
    Flag(bool),
}

/// A span under way. It is queued when it is dropped, so that no end is missed.
#[derive(Debug)]
pub struct Recording {
    queue: Arc<SpanQueue>,
    span: Option<Span>,
}

impl Recording {
    /// Begins a span now.
    pub fn begin(
        queue: &Arc<SpanQueue>,
        context: TraceContext,
        parent: Option<SpanId>,
        name: String,
        kind: SpanKind,
    ) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let span = Span {
            context,
            parent,
            name,
            kind,
            start_unix_nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
            duration: Duration::ZERO,
            status: SpanStatus::Unset,
            attributes: Vec::with_capacity(6),
        };
        Self { queue: Arc::clone(queue), span: Some(span) }
    }

    /// Sets an attribute.
    pub fn set(&mut self, key: &'static str, value: SpanValue) {
        let Some(span) = &mut self.span else { return };
        match span.attributes.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => span.attributes.push((key, value)),
        }
    }

    /// Ends the span, `duration` after it began.
    pub fn end(mut self, duration: Duration, status: SpanStatus) {
        if let Some(span) = &mut self.span {
            span.duration = duration;
            span.status = status;
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.span.take().into_iter().for_each(|span| self.queue.push(span));
    }
}
