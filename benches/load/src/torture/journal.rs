//! What happens, as it happens: into the history, into counters, and into the list of what to look for at the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use mesh_rig::history::{Answer, Call, Found, Recorder};

use super::platform::Target;

/// How often something happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Operations that were answered with success.
    pub done: u64,
    /// Operations that were refused.
    pub refused: u64,
    /// Operations of which it is not known what they did.
    pub unknown: u64,
    /// What was killed, and how often.
    pub kills: BTreeMap<&'static str, u64>,
    /// How often a program ended by itself.
    pub crashes: u64,
}

impl Tally {
    /// Operations that are over.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.done + self.refused + self.unknown
    }
}

/// Everybody and everything that clients have heard or spoken of. It grows with the operations, as the history does.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Users who were answered or asked for.
    pub(super) users: BTreeSet<String>,
    /// Those of them who were to pay.
    pub(super) payers: BTreeSet<String>,
    /// Addresses that somebody tried to take.
    pub(super) emails: BTreeSet<String>,
}

/// The history that is being written.
#[derive(Debug)]
pub(super) struct Journal {
    recorder: Recorder,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    tally: Tally,
    known: Known,
}

impl Journal {
    /// A history in a new file.
    pub(super) fn create(path: &Path, seed: u64, clients: u32) -> anyhow::Result<Self> {
        let recorder = Recorder::create(path, seed, clients).with_context(|| path.display().to_string())?;
        Ok(Self { recorder, notes: Mutex::default() })
    }

    /// A client begins a call; answers the operation's number.
    pub(super) fn invoke(&self, client: u32, call: &Call) -> u64 {
        self.notes().known.asked(call);
        self.recorder.invoke(client, call.clone())
    }

    /// An operation succeeded.
    pub(super) fn done(&self, op: u64, answer: Answer) {
        let mut notes = self.notes();
        notes.tally.done += 1;
        if let Answer::User(user) = &answer {
            notes.known.users.insert(user.user_id.clone());
        }
        drop(notes);
        self.recorder.ok(op, answer);
    }

    /// An operation was refused, and did nothing.
    pub(super) fn refused(&self, op: u64, code: &str, reason: String) {
        self.notes().tally.refused += 1;
        self.recorder.fail(op, code, reason);
    }

    /// Nobody knows what an operation did.
    pub(super) fn unknown(&self, op: u64, code: &str) {
        self.notes().tally.unknown += 1;
        self.recorder.info(op, code);
    }

    /// Something is about to be killed.
    pub(super) fn kill(&self, target: Target) {
        *self.notes().tally.kills.entry(target.name()).or_default() += 1;
        self.recorder.fault("kill", target.name());
    }

    /// Something else is about to be broken.
    pub(super) fn fault(&self, fault: &str, target: &str) {
        self.recorder.fault(fault, target);
    }

    /// A program ended by itself.
    pub(super) fn crash(&self, target: Target) {
        self.ended(target.name());
    }

    /// A program of this name ended by itself.
    pub(super) fn ended(&self, name: &str) {
        self.notes().tally.crashes += 1;
        self.recorder.fault("crash", name);
    }

    /// Nothing is under way any more but `left`.
    pub(super) fn quiet(&self, left: Vec<String>) {
        self.recorder.quiet(left);
    }

    /// Something was found at the end.
    pub(super) fn found(&self, found: Found) {
        self.recorder.found(found);
    }

    pub(super) fn tally(&self) -> Tally {
        self.notes().tally.clone()
    }

    pub(super) fn known(&self) -> Known {
        self.notes().known.clone()
    }

    /// Waits until all is in the file.
    pub(super) async fn finish(&self) -> anyhow::Result<()> {
        let recorder = self.recorder.clone();
        tokio::task::spawn_blocking(move || recorder.finish()).await??;
        Ok(())
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn asked(&mut self, call: &Call) {
        match call {
            Call::CreateUser { email, .. } => drop(self.emails.insert(email.clone())),
            Call::CreatePayment { user_id, .. } => {
                self.payers.insert(user_id.clone());
                self.users.insert(user_id.clone());
            }
            _ => {}
        }
    }
}
