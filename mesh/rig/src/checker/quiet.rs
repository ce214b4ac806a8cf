//! Quiet: after all calls have ended and nothing is broken any more, what is under way comes to its end.

use super::{Invariant::Quiet, found::Books, verdict::Tally};
use crate::history::History;

/// The history has a line that says that it became quiet, and nothing was left then. It was written to its end: what
/// is missing after a line that was lost would else look like what nobody found.
pub(super) fn check(history: &History, books: &Books<'_>, tally: &mut Tally) {
    if books.end.is_none() || history.note().is_some() {
        tally.broke(Quiet, [], format_args!("the history was not written to its end"));
    }
    match books.quiet {
        None => {
            tally.broke(Quiet, [], format_args!("the history ends before it became quiet, so nobody looked"))
        }
        Some((line, left)) => {
            for left in left {
                tally.broke(Quiet, [line], format_args!("still under way: {left}"));
            }
        }
    }
}
