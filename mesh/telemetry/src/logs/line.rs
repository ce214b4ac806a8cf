//! A line that names the call it belongs to.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::{Called, LogFormat};
use crate::semconv::rpc;

/// Where the list of spans begins in a line of JSON. Nowhere else: within a text its quotes are escaped, and no field
/// of an event is a list.
const SPANS: &str = ",\"spans\":[";

/// Writes what `inner` writes, and the call that is worked on: in a human line after all else, in JSON as the first of
/// its spans.
pub(super) struct Line<F> {
    inner: F,
    format: LogFormat,
}

impl<F> Line<F> {
    pub(super) fn new(inner: F, format: LogFormat) -> Self {
        Self { inner, format }
    }
}

impl<S, N, F> FormatEvent<S, N> for Line<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(called) = Called::current() else {
            return self.inner.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        let line = line.trim_end_matches('\n');
        let Called { method, trace_id } = called;
        match self.format {
            LogFormat::Human => writeln!(writer, "{line} {}={method} trace_id={trace_id}", rpc::METHOD),
            LogFormat::Json => {
                let (before, after) = match line.rsplit_once(SPANS) {
                    Some((before, after)) => (before, after),
                    None => (line.strip_suffix('}').unwrap_or(line), "]}"),
                };
                let comma = if after.starts_with(']') { "" } else { "," };
                write!(writer, "{before}{SPANS}{{\"name\":\"call\",\"{}\":\"{method}\",", rpc::METHOD)?;
                writeln!(writer, "\"trace_id\":\"{trace_id}\"}}{comma}{after}")
            }
        }
    }
}
