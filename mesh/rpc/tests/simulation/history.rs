//! What happened, call by call.

use std::{collections::BTreeMap, time::Duration};

use tonic::Code;

use crate::{
    host::Process,
    ledger::{Event, Made, What},
};

/// A call, from one step of the chain to the next.
pub(crate) struct Call {
    pub(crate) at: Duration,
    pub(crate) made: Made,
    pub(crate) ended: Option<Ended>,
    pub(crate) attempts: Vec<Attempt>,
}

#[derive(Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) at: Duration,
    pub(crate) code: Code,
    pub(crate) attempt: Option<u32>,
}

/// What a handler saw of it.
pub(crate) struct Attempt {
    pub(crate) number: u32,
    pub(crate) on: Process,
    pub(crate) at: Duration,
    pub(crate) left: Option<Duration>,
    /// `None`: it was never over.
    pub(crate) over: Option<Duration>,
    pub(crate) code: Option<Code>,
}

/// All calls, by number.
pub(crate) fn calls(events: &[Event]) -> BTreeMap<u32, Call> {
    let mut calls = BTreeMap::<u32, Call>::new();
    for Event { at, what } in events.iter().copied() {
        match what {
            What::Made(made) => {
                calls.insert(made.call, Call { at, made, ended: None, attempts: Vec::new() });
            }
            What::Ended { call, code, attempt } => {
                if let Some(call) = calls.get_mut(&call) {
                    call.ended = Some(Ended { at, code, attempt });
                }
            }
            What::Began { call, on, attempt, left } => {
                if let Some(call) = calls.get_mut(&call) {
                    call.attempts.push(Attempt { number: attempt, on, at, left, over: None, code: None });
                }
            }
            What::Finished { call, on, attempt, code } => {
                let mut attempts = calls.get_mut(&call).into_iter().flat_map(|call| &mut call.attempts);
                let same = |one: &&mut Attempt| one.on == on && one.number == attempt && one.over.is_none();
                if let Some(attempt) = attempts.find(same) {
                    (attempt.over, attempt.code) = (Some(at), code);
                }
            }
            _ => {}
        }
    }
    calls
}

impl Call {
    /// When its caller has no more time.
    pub(crate) fn deadline(&self) -> Duration {
        self.at + self.made.left
    }

    pub(crate) fn is_root(&self) -> bool {
        self.made.root == self.made.call
    }

    pub(crate) fn code(&self) -> Option<Code> {
        self.ended.map(|ended| ended.code)
    }
}
