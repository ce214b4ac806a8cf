//! The rows of the file: dirty ones are sent as they are, unreadable ones are told apart and counted.

use std::{fs::File, path::Path, str};

use anyhow::{Context, ensure};
use csv::{ByteRecord, Reader, ReaderBuilder};
use indicatif::ProgressBar;
use proto::user::v1::ImportUsersRequest;
use tokio::sync::mpsc;

/// The header that a file must have.
const HEADER: [&str; 3] = ["email", "display_name", "locale"];

/// A row that cannot be sent, because a message holds three texts in UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// Its number in the file, the header not counted, from 1.
    pub(super) row: u64,
    pub(super) why: String,
}

/// What went out of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fed {
    /// Whether the file ended before the call did.
    pub(super) complete: bool,
    pub(super) rows: u64,
    /// Every one, in order: the server counts only what it is sent, and these tell its rows from the file's. An
    /// entry is small beside the row it stands for.
    pub(super) unreadable: Vec<Unreadable>,
}

impl Fed {
    /// The row of the file that was sent as the `sent`-th message, counted from 1.
    pub(super) fn row_of(&self, sent: u64) -> u64 {
        let mut row = sent;
        for unreadable in &self.unreadable {
            if unreadable.row > row {
                break;
            }
            row += 1;
        }
        row
    }
}

/// An opened file whose header is as expected.
pub(super) struct Rows {
    reader: Reader<File>,
}

impl Rows {
    /// Opens a file and checks its header.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(file);
        let header = reader.byte_headers().with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            header.iter().eq(HEADER.iter().map(|name| name.as_bytes())),
            "the first line of {} is not {}",
            path.display(),
            HEADER.join(",")
        );
        Ok(Self { reader })
    }

    /// Sends every row, until the file or the call ends. Blocks; `rows` is small, so a server that is slower than
    /// the file is what sets the pace.
    pub(super) fn feed(
        mut self,
        import_id: &str,
        rows: &mpsc::Sender<ImportUsersRequest>,
        progress: &ProgressBar,
    ) -> anyhow::Result<Fed> {
        let mut fed = Fed::default();
        let mut record = ByteRecord::new();
        // The server reads the name of the import from the first row.
        let mut import_id = import_id.to_owned();
        while self.reader.read_byte_record(&mut record).context("cannot read on")? {
            fed.rows += 1;
            match message(&record) {
                Ok(mut message) => {
                    message.import_id = std::mem::take(&mut import_id);
                    if rows.blocking_send(message).is_err() {
                        // The call ended first, and says why itself.
                        return Ok(fed);
                    }
                }
                Err(why) => fed.unreadable.push(Unreadable { row: fed.rows, why }),
            }
            progress.set_position(self.reader.position().byte());
        }
        fed.complete = true;
        Ok(fed)
    }
}

fn message(record: &ByteRecord) -> Result<ImportUsersRequest, String> {
    if record.len() != HEADER.len() {
        return Err(format!("{} fields instead of {}", record.len(), HEADER.len()));
    }
    let field = |at: usize| {
        let text = str::from_utf8(&record[at]).map_err(|_| format!("{} is not UTF-8", HEADER[at]))?;
        Ok::<_, String>(text.to_owned())
    };
    Ok(ImportUsersRequest {
        email: field(0)?,
        display_name: field(1)?,
        locale: field(2)?,
        import_id: String::new(),
    })
}
