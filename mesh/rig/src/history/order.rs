//! What makes lines a history: every end has a beginning, it becomes quiet once, nothing is found before that and no
//! call begins or ends after it, and nothing comes after the end.

use std::collections::HashMap;

use super::Record;

/// What there was so far.
#[derive(Default)]
pub(super) struct Order {
    /// Whether an operation has ended.
    ended: HashMap<u64, bool>,
    quiet: bool,
    over: bool,
    lines: u64,
}

impl Order {
    /// Takes the next line, or says why it cannot stand where it does.
    pub(super) fn take(&mut self, record: &Record) -> Result<(), &'static str> {
        if self.over {
            return Err("it comes after the end");
        }
        let before = self.lines;
        self.lines += 1;
        match record {
            Record::Start { .. } if before > 0 => Err("the history has begun before"),
            Record::Start { .. } => Ok(()),
            Record::Invoke { .. } if self.quiet => Err("a call begins after it was quiet"),
            Record::Invoke { op, .. } => match self.ended.insert(*op, false) {
                None => Ok(()),
                Some(_) => Err("the operation has begun before"),
            },
            Record::Ok { .. } | Record::Fail { .. } | Record::Info { .. } if self.quiet => {
                Err("a call ends after it was quiet")
            }
            Record::Ok { op, .. } | Record::Fail { op, .. } | Record::Info { op, .. } => {
                match self.ended.insert(*op, true) {
                    Some(false) => Ok(()),
                    Some(true) => Err("the operation has ended before"),
                    None => Err("the operation has not begun"),
                }
            }
            Record::Fault { .. } => Ok(()),
            Record::Quiet { .. } if self.quiet => Err("it was quiet before"),
            Record::Quiet { .. } => {
                self.quiet = true;
                Ok(())
            }
            Record::Found(_) if self.quiet => Ok(()),
            Record::Found(_) => Err("something is found before it was quiet"),
            Record::End { lines } if *lines != before => Err("it is the end of another number of lines"),
            Record::End { .. } => {
                self.over = true;
                Ok(())
            }
        }
    }
}
