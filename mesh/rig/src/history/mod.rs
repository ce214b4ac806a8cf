//! What clients asked and were told, what was broken meanwhile, and what was found at the end: one JSON object a
//! line, in the order in which it happened.

mod order;
mod read;
mod record;
mod recorder;

pub use read::{History, ReadError, read};
pub use record::{
    Answer, Balance, Call, Entry, Found, Mail, Money, Notification, Payment, Record, Transaction, User,
};
pub use recorder::{RecordError, Recorder};
