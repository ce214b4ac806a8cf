//! What makes lines a history: every end has a beginning, and nothing is found before it is quiet.

use std::collections::HashMap;

use super::Record;

/// Whether an operation has ended.
#[derive(Default)]
pub(super) struct Order {
    ended: HashMap<u64, bool>,
    quiet: bool,
}

impl Order {
    /// Takes the next line, or says why it cannot stand where it does.
    pub(super) fn take(&mut self, record: &Record) -> Result<(), &'static str> {
        match record {
            Record::Start { .. } | Record::Fault { .. } => Ok(()),
            Record::Invoke { .. } if self.quiet => Err("a call begins after it was quiet"),
            Record::Invoke { op, .. } => match self.ended.insert(*op, false) {
                None => Ok(()),
                Some(_) => Err("the operation has begun before"),
            },
            Record::Ok { op, .. } | Record::Fail { op, .. } | Record::Info { op, .. } => {
                match self.ended.insert(*op, true) {
                    Some(false) => Ok(()),
                    Some(true) => Err("the operation has ended before"),
                    None => Err("the operation has not begun"),
                }
            }
            Record::Quiet { .. } => {
                self.quiet = true;
                Ok(())
            }
            Record::Found(_) if self.quiet => Ok(()),
            Record::Found(_) => Err("something is found before it was quiet"),
        }
    }
}
