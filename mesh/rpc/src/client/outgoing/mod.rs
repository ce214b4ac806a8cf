//! Requests on their way out, and what is kept of them to send them again.

mod body;
mod head;
mod source;
mod tape;

pub(super) use body::{Collected, Message, Outgoing, collect};
pub(super) use head::Head;
pub(super) use source::Source;
pub(super) use tape::Tape;
