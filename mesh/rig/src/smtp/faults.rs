//! What goes wrong, and where.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// Faults that wait for their stage at most; more are not taken.
const WAITING_MAX: usize = 10_000;

/// Where in a conversation the server is about to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The client has connected.
    Greeting,
    /// `EHLO` or `HELO`.
    Hello,
    /// `STARTTLS`.
    StartTls,
    /// `AUTH`.
    Auth,
    /// `MAIL FROM`.
    Sender,
    /// `RCPT TO`.
    Recipient,
    /// `DATA`: the content may come.
    Data,
    /// The whole content has come, to its dot.
    Content,
}

/// What the server does instead of its usual answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Says this, such as `451 4.3.0 try again` or `550 5.1.1 nobody`; several lines are separated by `\r\n`. A
    /// content that is answered so is not kept, whatever the answer.
    Answer(String),
    /// Says nothing, until the client leaves or the faults are healed; then it hangs up.
    Stall,
    /// Hangs up. A content that came to its end is not kept.
    HangUp,
    /// Keeps the content and hangs up: the client cannot know that its mail has arrived. At any other stage the same
    /// as [`HangUp`](Self::HangUp).
    KeepAndHangUp,
    /// Says the usual, and hangs up then: the mail has arrived, and the client has been told.
    AnswerAndHangUp,
}

/// The faults of one server. Clones are of the same one.
#[derive(Clone, Debug)]
pub struct Faults(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    armed: Mutex<Armed>,
    /// How often it was healed.
    healed: watch::Sender<u64>,
    /// How many clients are stalled now.
    stalled: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Armed {
    once: VecDeque<(Stage, Fault)>,
    always: Vec<(Stage, Fault)>,
}

impl Faults {
    pub(super) fn none() -> Self {
        Self(Arc::new(Shared {
            armed: Mutex::default(),
            healed: watch::Sender::new(0),
            stalled: watch::Sender::new(0),
        }))
    }

    /// The next time this stage is reached, in any conversation, this happens; several of a stage in their order.
    pub fn once(&self, stage: Stage, fault: Fault) {
        let mut armed = self.armed();
        if armed.once.len() < WAITING_MAX {
            armed.once.push_back((stage, fault));
        }
    }

    /// Each time this stage is reached this happens, until it is healed or told otherwise. Those for once go first.
    pub fn always(&self, stage: Stage, fault: Fault) {
        let mut armed = self.armed();
        armed.always.retain(|(other, _)| *other != stage);
        armed.always.push((stage, fault));
    }

    /// Nothing goes wrong any more, and whoever is stalled is hung up on.
    pub fn heal(&self) {
        *self.armed() = Armed::default();
        self.0.healed.send_modify(|times| *times += 1);
    }

    /// Waits until at least one client is stalled.
    pub async fn until_stalled(&self) {
        let mut stalled = self.0.stalled.subscribe();
        // The sender is ours: it is there for as long as this waits.
        let _ = stalled.wait_for(|clients| *clients > 0).await;
    }

    /// What goes wrong here and now.
    pub(super) fn at(&self, stage: Stage) -> Option<Fault> {
        let mut armed = self.armed();
        if let Some(found) = armed.once.iter().position(|(other, _)| *other == stage) {
            return armed.once.remove(found).map(|(_, fault)| fault);
        }
        armed.always.iter().find(|(other, _)| *other == stage).map(|(_, fault)| fault.clone())
    }

    /// Tells of every time it is healed from now on.
    pub(super) fn healings(&self) -> watch::Receiver<u64> {
        self.0.healed.subscribe()
    }

    /// A client is stalled for as long as this is held.
    pub(super) fn stall(&self) -> Stalled<'_> {
        self.0.stalled.send_modify(|clients| *clients += 1);
        Stalled(self)
    }

    fn armed(&self) -> MutexGuard<'_, Armed> {
        self.0.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client who is stalled.
pub(super) struct Stalled<'a>(&'a Faults);

impl Drop for Stalled<'_> {
    fn drop(&mut self) {
        self.0.0.stalled.send_modify(|clients| *clients -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_once_comes_first_and_in_its_order() {
        let faults = Faults::none();
        faults.always(Stage::Data, Fault::HangUp);
        faults.always(Stage::Data, Fault::Stall);
        faults.once(Stage::Data, Fault::KeepAndHangUp);
        faults.once(Stage::Hello, Fault::HangUp);
        faults.once(Stage::Data, Fault::AnswerAndHangUp);
        let next = || faults.at(Stage::Data).unwrap();
        assert_eq!([next(), next(), next()], [Fault::KeepAndHangUp, Fault::AnswerAndHangUp, Fault::Stall]);
        assert_eq!(faults.at(Stage::Hello), Some(Fault::HangUp));
        assert_eq!(faults.at(Stage::Hello), None);
        faults.heal();
        assert_eq!(faults.at(Stage::Data), None);
    }
}
