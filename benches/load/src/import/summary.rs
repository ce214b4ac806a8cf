//! What an import came to, for a person.

use std::{fmt, time::Duration};

use proto::user::v1::ImportUsersResponse;

use super::rows::Fed;

/// How many problems are worth a line.
const FIRST: usize = 10;

/// The summary of a completed import.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) response: ImportUsersResponse,
    pub(super) fed: Fed,
    pub(super) took: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { response, fed, took } = self;
        writeln!(f, "created    {:>9}", response.created_count)?;
        writeln!(f, "duplicate  {:>9}", response.duplicate_count)?;
        writeln!(f, "invalid    {:>9}", response.invalid_count)?;
        if !fed.unreadable.is_empty() {
            writeln!(f, "unreadable {:>9}", fed.unreadable.len())?;
        }
        let seconds = took.as_secs_f64();
        // A file so small that it took no time has no rate.
        let rate = if seconds > 0.0 { fed.rows as f64 / seconds } else { 0.0 };
        write!(f, "{} rows in {seconds:.2} s, {rate:.0} rows/s", fed.rows)?;
        for (at, (row, problem)) in self.problems().into_iter().enumerate() {
            if at == 0 {
                write!(f, "\nthe first problems:")?;
            }
            // What is wrong with a row may be its control characters, which a terminal must not obey.
            write!(f, "\n  row {row}: {}", problem.escape_debug())?;
        }
        Ok(())
    }
}

impl Summary {
    /// The first problems by row of the file, the server's and ours.
    fn problems(&self) -> Vec<(u64, String)> {
        let from_server = self.response.problems.iter().take(FIRST).map(|problem| {
            let sent = u64::try_from(problem.row).unwrap_or_default();
            (self.fed.row_of(sent), format!("{}: {}", problem.reason, problem.description))
        });
        let ours =
            self.fed.unreadable.iter().take(FIRST).map(|row| (row.row, format!("UNREADABLE: {}", row.why)));
        let mut problems: Vec<_> = from_server.chain(ours).collect();
        problems.sort();
        problems.truncate(FIRST);
        problems
    }
}
