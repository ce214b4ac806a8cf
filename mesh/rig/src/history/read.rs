//! Reading a history back.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use thiserror::Error;

use super::{Record, order::Order};

/// A history, in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    records: Vec<Record>,
    note: Option<String>,
}

/// A file is no history.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It cannot be opened.
    #[error("the history cannot be opened")]
    Open(#[source] io::Error),
    /// It cannot be read on.
    #[error("line {line} cannot be read")]
    Read {
        /// Which, counted from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// A line is no line of a history.
    #[error("line {line} is no line of a history")]
    Line {
        /// Which, counted from 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// A line cannot stand where it does.
    #[error("line {line} is out of place: {why}")]
    Misplaced {
        /// Which, counted from 1.
        line: u64,
        /// What is wrong with its place.
        why: &'static str,
    },
    /// There is no whole line in it.
    #[error("the history is empty")]
    Empty,
}

impl History {
    /// The history of these lines.
    ///
    /// # Errors
    /// [`ReadError::Misplaced`] or [`ReadError::Empty`].
    pub fn new(records: Vec<Record>) -> Result<Self, ReadError> {
        let mut order = Order::default();
        for (line, record) in (1..).zip(&records) {
            order.take(record).map_err(|why| ReadError::Misplaced { line, why })?;
        }
        if records.is_empty() { Err(ReadError::Empty) } else { Ok(Self { records, note: None }) }
    }

    /// Its lines; the first one is line 1.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What was odd about its file, if something was.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}

/// Reads a history, line by line. Half a line at the end, as a writer leaves it who was killed, is left out, and a
/// note says so.
///
/// # Errors
/// See [`ReadError`].
pub fn read(path: &Path) -> Result<History, ReadError> {
    let file = File::open(path).map_err(ReadError::Open)?;
    read_from(BufReader::with_capacity(1 << 16, file))
}

fn read_from(mut from: impl BufRead) -> Result<History, ReadError> {
    let (mut records, mut note) = (Vec::new(), None);
    let mut order = Order::default();
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let read = from.read_until(b'\n', &mut text).map_err(|source| ReadError::Read { line, source })?;
        if read == 0 {
            break;
        }
        match serde_json::from_slice(&text) {
            Ok(record) => {
                order.take(&record).map_err(|why| ReadError::Misplaced { line, why })?;
                records.push(record);
            }
            Err(_) if text.last() != Some(&b'\n') => {
                note = Some(format!("line {line} ends in the middle and was left out"));
            }
            Err(source) => return Err(ReadError::Line { line, source }),
        }
    }
    if records.is_empty() { Err(ReadError::Empty) } else { Ok(History { records, note }) }
}

#[cfg(test)]
mod tests;
