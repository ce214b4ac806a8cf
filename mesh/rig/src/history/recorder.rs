//! Writing a history while it happens.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use thiserror::Error;
use tokio::time::Instant;

use super::{Answer, Call, Found, Record};

/// Lines that wait for the writer at most.
const WAITING_MAX: usize = 65_536;

/// Writes a history. Clones write the same one.
///
/// A line is numbered, timed and handed to a thread of its own that writes, in one step: the lines are in the order
/// of their times, and no task of a runtime waits for a disk. Only when 65,536 lines wait for the writer does the
/// next one wait for room, rather than be lost.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Mutex<Desk>>);

#[derive(Debug)]
struct Desk {
    begin: Instant,
    next_op: u64,
    /// Lines so far.
    lines: u64,
    /// `None` once it is finished.
    pen: Option<Pen>,
}

#[derive(Debug)]
struct Pen {
    lines: SyncSender<Record>,
    writer: JoinHandle<io::Result<u64>>,
}

/// A history could not be written.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The file cannot be made, or no thread can be started.
    #[error("the history cannot be begun")]
    Begin(#[source] io::Error),
    /// The rest of it is missing.
    #[error("the history could not be written to its end")]
    Write(#[source] io::Error),
    /// The writer panicked.
    #[error("the writer of the history panicked")]
    Writer,
    /// It was finished before.
    #[error("the history was finished before")]
    Finished,
}

impl Recorder {
    /// Begins a history in a new file, in place of whatever was there, drawn from `seed` and made by this many
    /// clients at once.
    ///
    /// # Errors
    /// [`RecordError::Begin`].
    pub fn create(path: &Path, seed: u64, clients: u32) -> Result<Self, RecordError> {
        Self::to(File::create(path).map_err(RecordError::Begin)?, seed, clients)
    }

    /// Begins a history that is written to `out`, through a buffer.
    ///
    /// # Errors
    /// [`RecordError::Begin`].
    pub fn to(out: impl Write + Send + 'static, seed: u64, clients: u32) -> Result<Self, RecordError> {
        let (lines, waiting) = sync_channel(WAITING_MAX);
        let writer = thread::Builder::new().name("history".to_owned());
        let writer = writer.spawn(move || write_all(&waiting, out)).map_err(RecordError::Begin)?;
        let desk = Desk { begin: Instant::now(), next_op: 1, lines: 0, pen: Some(Pen { lines, writer }) };
        let recorder = Self(Arc::new(Mutex::new(desk)));
        recorder.desk().write(Record::Start { seed, clients });
        Ok(recorder)
    }

    /// A client begins a call. Answers the operation's number: 1, 2, 3, …
    pub fn invoke(&self, client: u32, call: Call) -> u64 {
        let mut desk = self.desk();
        let op = desk.next_op;
        desk.next_op += 1;
        let t = desk.now();
        desk.write(Record::Invoke { op, client, t, call });
        op
    }

    /// The call succeeded with this answer.
    pub fn ok(&self, op: u64, answer: Answer) {
        self.write(|t| Record::Ok { op, t, answer });
    }

    /// The call was refused, and surely did nothing: the name of the code, such as `ALREADY_EXISTS`, and the reason
    /// of its `ErrorInfo`, such as `EMAIL_TAKEN`.
    pub fn fail(&self, op: u64, code: impl Into<String>, reason: impl Into<String>) {
        let (code, reason) = (code.into(), reason.into());
        self.write(|t| Record::Fail { op, t, code, reason });
    }

    /// It is not known what the call did, or will still do: the name of the code, such as `UNAVAILABLE`.
    pub fn info(&self, op: u64, code: impl Into<String>) {
        let code = code.into();
        self.write(|t| Record::Info { op, t, code });
    }

    /// Something is being broken: what is done, such as `kill`, to what, such as `stack`. To be recorded before it
    /// is done, so that no effect of it comes before its cause.
    pub fn fault(&self, fault: impl Into<String>, target: impl Into<String>) {
        let (fault, target) = (fault.into(), target.into());
        self.write(|t| Record::Fault { t, fault, target });
    }

    /// Nothing is under way any more but `left`; the lines after this one are what is found.
    pub fn quiet(&self, left: Vec<String>) {
        self.write(|t| Record::Quiet { t, left });
    }

    /// Something was found after it was quiet.
    pub fn found(&self, found: Found) {
        self.write(|_| Record::Found(found));
    }

    /// Writes the last line, waits until all is written, and answers how many lines. What a clone records afterwards is not written.
    ///
    /// Blocks for as long as the disk takes: in a runtime, call it in a blocking task.
    ///
    /// # Errors
    /// What kept the writer from writing all of it, or [`RecordError::Finished`].
    pub fn finish(&self) -> Result<u64, RecordError> {
        let pen = {
            let mut desk = self.desk();
            let lines = desk.lines;
            desk.write(Record::End { lines });
            desk.pen.take()
        };
        let Some(Pen { lines, writer }) = pen else { return Err(RecordError::Finished) };
        drop(lines);
        writer.join().map_err(|_| RecordError::Writer)?.map_err(RecordError::Write)
    }

    fn write(&self, record: impl FnOnce(u64) -> Record) {
        let mut desk = self.desk();
        let t = desk.now();
        desk.write(record(t));
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Microseconds since the beginning.
    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn write(&mut self, record: Record) {
        if let Some(pen) = &self.pen {
            self.lines += 1;
            // A writer that is gone has failed: finish tells why.
            let _ = pen.lines.send(record);
        }
    }
}

/// Writes what comes until nobody can send any more; answers how many lines.
fn write_all(waiting: &Receiver<Record>, out: impl Write) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let mut lines = 0;
    for record in waiting {
        serde_json::to_writer(&mut out, &record)?;
        out.write_all(b"\n")?;
        lines += 1;
    }
    out.flush()?;
    Ok(lines)
}

#[cfg(test)]
mod tests;
