//! Statements, each prepared once for one purpose.

use std::{fmt, sync::Arc, time::Duration};

use scylla::{statement::prepared::PreparedStatement, value::CqlValue};

/// What a statement is for, which decides how it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A read that sees every write that was answered before it: `LOCAL_QUORUM`.
    Read,
    /// A read that may be a little behind: `LOCAL_ONE`, the nearest replica first, asked elsewhere too when it is
    /// slow. What it does not find may be there all the same.
    Tolerant,
    /// A read that takes part in what conditional writes decide (`SERIAL`): it also ends what is half done.
    Decide,
    /// A plain write that may be repeated: `LOCAL_QUORUM`. Never to a row that conditional writes touch.
    Write,
    /// A plain write that may be repeated and may get lost: `LOCAL_ONE`.
    Mark,
    /// A conditional write (`SERIAL`, then `LOCAL_QUORUM`). It is sent once: whoever gets no answer must look.
    Cas,
}

impl Purpose {
    /// Whether it is a `SELECT`.
    pub(super) fn is_read(self) -> bool {
        matches!(self, Self::Read | Self::Tolerant | Self::Decide)
    }

    /// How long it may take at most; a call with less time left gets less.
    pub(super) fn bound(self) -> Duration {
        match self {
            Self::Tolerant => Duration::from_millis(500),
            Self::Read | Self::Write | Self::Mark => Duration::from_secs(2),
            // As long as Cassandra itself takes to give up a contended round.
            Self::Decide | Self::Cas => Duration::from_secs(3),
        }
    }
}

/// A prepared statement and its purpose. Clones are cheap.
#[derive(Clone)]
pub struct Statement {
    pub(super) prepared: Arc<PreparedStatement>,
    pub(super) purpose: Purpose,
}

/// A statement with its values, as part of a batch.
#[derive(Clone)]
pub struct Bound {
    pub(super) statement: Statement,
    pub(super) values: Vec<Option<CqlValue>>,
}

impl Statement {
    /// The statement with these values, in the order of its markers. Too few, too many or of the wrong type: whoever
    /// runs it hears so.
    #[must_use]
    pub fn bind(&self, values: Vec<Option<CqlValue>>) -> Bound {
        Bound { statement: self.clone(), values }
    }

    /// What it was prepared for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.prepared.get_statement()
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement").field("purpose", &self.purpose).field("text", &self.text()).finish()
    }
}

impl fmt::Debug for Bound {
    /// Without the values: they are about people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.statement.fmt(f)
    }
}
