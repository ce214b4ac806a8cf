//! From where the body of a request comes each time that it is sent.

use super::{Message, Outgoing, Tape};

/// From where the body of a request comes each time that it is sent.
pub(in crate::client) enum Source {
    /// A message that was ready at once.
    Whole(Message),
    /// A stream, as far as it is recorded.
    Taped(Tape),
}

impl Source {
    /// The body, from its beginning.
    pub(in crate::client) fn body(&self) -> Outgoing {
        match self {
            Self::Whole(message) => Outgoing::Whole(message.clone()),
            Self::Taped(tape) => tape.play(),
        }
    }

    /// Whoever was sent it last gets no more of it. Whether all of it can be sent once more: this does not change any
    /// more until it is.
    pub(in crate::client) fn stop(&self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Taped(tape) => tape.stop(),
        }
    }

    /// It will not be sent once more: nothing more is kept.
    pub(in crate::client) fn commit(&self) {
        if let Self::Taped(tape) = self {
            tape.commit();
        }
    }
}
