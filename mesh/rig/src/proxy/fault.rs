//! What is wrong with a link.

use std::time::Duration;

/// A direction of a link. Clients connect to the proxy, and it connects to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What clients send.
    ToServer,
    /// What the server sends.
    ToClient,
}

/// What is wrong with a link, as long as nothing else is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// As if nobody listened: who connects is refused, and connections that are open are reset.
    Refuse,
    /// Connections that are open are reset, and so is every other one as soon as it has been accepted.
    Reset,
    /// Nothing gets through in this direction, not even an end. As with a real network nothing is lost within a
    /// connection that survives: it comes through when the link is whole again.
    Blackhole(Direction),
    /// Everything comes this much later, both ways.
    Delay(Duration),
    /// After this many more bytes in this direction, likely in the middle of a frame, a connection is reset; the next
    /// one after as many.
    Cut {
        /// In which direction bytes are counted.
        direction: Direction,
        /// How many.
        bytes: u64,
    },
}

/// What is wrong now, and how often that has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) fault: Option<Fault>,
    pub(super) changes: u64,
}

impl State {
    /// Whether a connection cannot be.
    pub(super) fn resets(self) -> bool {
        matches!(self.fault, Some(Fault::Refuse | Fault::Reset))
    }

    pub(super) fn swallows(self, direction: Direction) -> bool {
        self.fault == Some(Fault::Blackhole(direction))
    }

    /// How much later something comes.
    pub(super) fn delay(self) -> Duration {
        match self.fault {
            Some(Fault::Delay(delay)) => delay,
            _ => Duration::ZERO,
        }
    }

    /// How many bytes get through in this direction, if they are counted.
    pub(super) fn allowance(self, direction: Direction) -> Option<u64> {
        match self.fault {
            Some(Fault::Cut { direction: cut, bytes }) if cut == direction => Some(bytes),
            _ => None,
        }
    }
}
