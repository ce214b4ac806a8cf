//! What a line looks like.

use tracing::Dispatch;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

use super::{LogFilter, LogFormat, line::Line};

/// The looks of a line.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) format: LogFormat,
    /// Human lines carry escape codes for a terminal.
    pub(super) coloured: bool,
}

/// Writes what passes `filter` to `output`, a line with one write.
pub(super) fn subscriber<W>(style: Style, filter: &LogFilter, output: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let registry = registry().with(filter.targets());
    match style.format {
        LogFormat::Human => {
            let layer = fmt::layer()
                .compact()
                .with_ansi(style.coloured)
                .map_event_format(|format| Line::new(format.with_ansi(style.coloured), style.format))
                .with_writer(output);
            registry.with(layer).into()
        }
        LogFormat::Json => {
            let layer = fmt::layer()
                .json()
                .flatten_event(true)
                // The list of spans ends with the current one.
                .with_current_span(false)
                .with_span_list(true)
                .with_ansi(false)
                .map_event_format(|format| Line::new(format, style.format))
                .with_writer(output);
            registry.with(layer).into()
        }
    }
}
