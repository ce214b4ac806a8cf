//! What happened, in the order in which it happened.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tonic::Code;

use crate::{
    host::{Host, Process, Replica},
    plan::{Kind, Step},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) at: Duration,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Something was done to the world.
    Did(Step),
    /// A server's program begins.
    Started(Process),
    /// A call is made.
    Made(Made),
    /// It is over: with this code, by the answer to this attempt.
    Ended { call: u32, code: Code, attempt: Option<u32> },
    /// A handler begins.
    Began { call: u32, on: Process, attempt: u32, left: Option<Duration> },
    /// It is over; without a code if it was dropped.
    Finished { call: u32, on: Process, attempt: u32, code: Option<Code> },
    /// So many endpoints of this process's channel are ejected.
    Ejected { by: Process, count: usize },
    /// A program is over, its channel is closed, and so many tasks are left.
    Over { process: Process, cut: u64, tasks: usize },
    /// Its channel could not be closed.
    Hangs(Process),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) call: u32,
    /// The client's call that it is made for; its own number if it is that.
    pub(crate) root: u32,
    pub(crate) kind: Kind,
    pub(crate) by: Process,
    /// What is left of the caller's time.
    pub(crate) left: Duration,
}

/// Shared by everybody in the simulation, which runs on one thread.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    events: Vec<Event>,
    calls: u32,
    lives: [u32; 9],
    now: Duration,
    is_deaf: bool,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap()
    }

    pub(crate) fn note(&self, what: What) {
        let mut pages = self.lock();
        if pages.is_deaf {
            return;
        }
        if let Some(now) = turmoil::sim_elapsed() {
            pages.now = now;
        }
        let at = pages.now;
        pages.events.push(Event { at, what });
    }

    /// Whether it takes no notes.
    pub(crate) fn is_deaf(&self, is_deaf: bool) {
        self.lock().is_deaf = is_deaf;
    }

    /// Something was done to the world between two steps.
    pub(crate) fn did(&self, step: Step, at: Duration) {
        self.lock().now = at;
        self.note(What::Did(step));
    }

    pub(crate) fn started(&self, replica: Replica) -> Process {
        let life = {
            let life = &mut self.lock().lives[replica.index()];
            std::mem::replace(life, *life + 1)
        };
        let process = Process { host: Host::Server(replica), life };
        self.note(What::Started(process));
        process
    }

    pub(crate) fn made(&self, root: Option<u32>, kind: Kind, by: Process, left: Duration) -> u32 {
        let call = {
            let mut pages = self.lock();
            pages.calls += 1;
            pages.calls
        };
        self.note(What::Made(Made { call, root: root.unwrap_or(call), kind, by, left }));
        call
    }

    pub(crate) fn read(&self) -> Vec<Event> {
        self.lock().events.clone()
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9.3} ms  ", self.at.as_secs_f64() * 1e3)?;
        let left = |left: Option<Duration>| left.map_or("no".to_owned(), |left| left.as_micros().to_string());
        match self.what {
            What::Did(step) => write!(f, "{step:?}"),
            What::Started(process) => write!(f, "{process} starts"),
            What::Made(Made { call, root, kind, by, left }) => {
                write!(f, "{by} calls {kind:?} {call} for {root}, {} us left", left.as_micros())
            }
            What::Ended { call, code, attempt } => write!(f, "call {call} is over: {code:?}, by {attempt:?}"),
            What::Began { call, on, attempt, left: time } => {
                write!(f, "{on} begins {call}, attempt {attempt}, {} us left", left(time))
            }
            What::Finished { call, on, attempt, code } => {
                write!(f, "{on} ends {call}, attempt {attempt}: {code:?}")
            }
            What::Ejected { by, count } => write!(f, "{by} has {count} ejected"),
            What::Over { process, cut, tasks } => {
                write!(f, "{process} is over: {cut} cut, {tasks} tasks left")
            }
            What::Hangs(process) => write!(f, "{process} hangs"),
        }
    }
}
