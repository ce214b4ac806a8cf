//! The start of logging.

use std::env;
use std::io::{self, IsTerminal};

use thiserror::Error;
use tracing::dispatcher;

use super::subscriber::{Style, subscriber};
use super::{InvalidFilter, LogConfig, LogFilter, LogGuard};

/// Logging did not start.
#[derive(Debug, Error)]
pub enum InitError {
    /// The filter of the configuration says nothing that can be followed.
    #[error("the log filter is invalid")]
    Filter(#[from] InvalidFilter),
    /// A process logs in one way.
    #[error("logging was started before")]
    AlreadyStarted,
}

/// Starts logging for the whole process. Lines are handed to a thread that writes them to stderr; keep
/// the guard until the last line, for its drop writes what is still queued.
///
/// Human lines are coloured when stderr is a terminal and `NO_COLOR` is unset or empty.
///
/// # Errors
/// When the filter is invalid, and when logging was started before.
///
/// # Panics
/// When the system refuses to start a thread.
pub fn init(config: &LogConfig) -> Result<LogGuard, InitError> {
    let filter: LogFilter = config.filter.parse()?;
    let coloured = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let style = Style { format: config.format, coloured };
    let direct = move || subscriber(style, &LogFilter::everything(), io::stderr);
    let (lines, guard) = LogGuard::start(io::stderr(), direct);
    dispatcher::set_global_default(subscriber(style, &filter, lines))
        .map_err(|_| InitError::AlreadyStarted)?;
    Ok(guard)
}
