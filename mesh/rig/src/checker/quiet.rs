//! Quiet: after all calls have ended and nothing is broken any more, what is under way comes to its end.

use super::{Invariant::Quiet, found::Books, verdict::Tally};

/// The history has a line that says that it became quiet, and nothing was left then.
pub(super) fn check(books: &Books<'_>, tally: &mut Tally) {
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
