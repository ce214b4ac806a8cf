//! Which point, at which turn, with which callers.

use std::fmt;

/// A crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) point: &'static str,
    /// The how-manyth time that the stack comes to the point.
    pub(super) turn: u64,
    /// Whether callers try a call in doubt again.
    pub(super) retries: bool,
}

/// Points and their turns, each with both kinds of callers.
pub(super) fn cases(turns: &[(&'static str, &[u64])]) -> Vec<Case> {
    let at = |(point, turns): &(&'static str, &[u64])| {
        let point = *point;
        let each = |turn: &u64| [true, false].map(|retries| Case { point, turn: *turn, retries });
        turns.iter().flat_map(each).collect::<Vec<_>>()
    };
    turns.iter().flat_map(at).collect()
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let callers = if self.retries { "callers try again" } else { "callers give up" };
        write!(f, "{} at turn {}, {callers}", self.point, self.turn)
    }
}
