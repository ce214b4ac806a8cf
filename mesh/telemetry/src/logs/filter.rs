//! Which lines there are.
//!
//! Stricter than the filters of tracing-subscriber, which take a mistyped level such as `inof` for the
//! name of a module and then log nothing: here every word is a level or `target=level`. Only target and
//! level decide, so a line that is filtered out costs one load.

use std::str::FromStr;

use thiserror::Error;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::Called;

/// Which lines are logged: levels by target, the longest matching target first. Written as a list of
/// `level` (for all others, at most one) and `target=level`, such as `info,mesh_rpc=debug`. Without a
/// level for all others these are silent. Levels: off, error, warn, info, debug, trace.
#[derive(Clone, Debug)]
pub struct LogFilter(Targets);

/// What tells the bodies of messages, and is therefore never logged, whatever the filter says: lapin prints a message
/// that no queue took.
const BODIES: &str = "lapin::returned_messages";

impl LogFilter {
    pub(super) fn everything() -> Self {
        Self(Targets::new().with_default(LevelFilter::TRACE))
    }

    pub(super) fn targets(&self) -> Targets {
        // The call is named by the line itself; a span besides would say it twice.
        let never = [BODIES, Called::SPAN];
        never.iter().fold(self.0.clone(), |targets, target| targets.with_target(*target, LevelFilter::OFF))
    }
}

/// A filter that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidFilter {
    /// Part of the list is neither a level nor `target=level`.
    #[error("`{0}` is no level (off, error, warn, info, debug, trace) and no target=level")]
    Directive(String),
    /// Two parts say something of the same lines.
    #[error("`{0}` contradicts or repeats an earlier part of the filter")]
    Repeated(String),
}

impl FromStr for LogFilter {
    type Err = InvalidFilter;

    fn from_str(filter: &str) -> Result<Self, Self::Err> {
        let mut targets = Targets::new();
        let mut seen = Vec::new();
        for text in filter.split(',').map(str::trim) {
            let (target, level) = directive(text).ok_or_else(|| InvalidFilter::Directive(text.to_owned()))?;
            if seen.contains(&target) {
                return Err(InvalidFilter::Repeated(text.to_owned()));
            }
            seen.push(target);
            targets = match target {
                Some(target) => targets.with_target(target, level),
                None => targets.with_default(level),
            };
        }
        Ok(Self(targets))
    }
}

/// `level` or `target=level`.
fn directive(text: &str) -> Option<(Option<&str>, LevelFilter)> {
    let Some((target, level)) = text.split_once('=') else { return Some((None, level_of(text)?)) };
    let is_target = !target.is_empty() && target.chars().all(is_of_target);
    is_target.then_some((Some(target), level_of(level)?))
}

fn level_of(name: &str) -> Option<LevelFilter> {
    match name {
        "off" => Some(LevelFilter::OFF),
        "error" => Some(LevelFilter::ERROR),
        "warn" => Some(LevelFilter::WARN),
        "info" => Some(LevelFilter::INFO),
        "debug" => Some(LevelFilter::DEBUG),
        "trace" => Some(LevelFilter::TRACE),
        _ => None,
    }
}

/// Targets are paths of modules, or names in their manner.
fn is_of_target(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | ':' | '.' | '-')
}
