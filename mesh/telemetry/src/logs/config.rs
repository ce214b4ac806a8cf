//! What can be chosen.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How a process logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// What a line looks like.
    pub format: LogFormat,
    /// Which lines there are, in the form of a [`LogFilter`](crate::LogFilter): `info,mesh_rpc=debug`.
    pub filter: String,
}

impl Default for LogConfig {
    /// Human lines from level info on.
    fn default() -> Self {
        Self { format: LogFormat::default(), filter: "info".to_owned() }
    }
}

/// What a line of the log looks like. Both forms begin with the time in UTC, as RFC 3339 writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For the eye: level, where from, message, fields.
    #[default]
    Human,
    /// One JSON object a line: `timestamp`, `level`, `target`, `message`, the event's own fields beside
    /// them, and `spans` from the outermost in.
    Json,
}

/// No such format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no log format; there are human and json")]
pub struct UnknownFormat(String);

impl FromStr for LogFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err(UnknownFormat(name.to_owned())),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Human => "human",
            Self::Json => "json",
        })
    }
}
