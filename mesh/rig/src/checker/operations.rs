//! What clients asked for, and what came of it.

use std::collections::HashMap;

use crate::history::{Answer, Call, History, Payment, Record, User};

/// One call of a client, with all its repeats.
#[derive(Debug)]
pub(super) struct Operation<'a> {
    pub(super) client: u32,
    pub(super) call: &'a Call,
    /// The line on which it began.
    pub(super) begun: usize,
    /// The line on which it ended; beyond all lines if it never did.
    pub(super) ended: usize,
    pub(super) outcome: Outcome<'a>,
}

/// What came of a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome<'a> {
    Ok(&'a Answer),
    Fail {
        code: &'a str,
        reason: &'a str,
    },
    /// It may have happened at any time after it began, or never.
    Unknown,
}

/// All of them, in the order in which they began.
#[derive(Debug)]
pub(super) struct Operations<'a>(Vec<Operation<'a>>);

impl<'a> Operations<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let mut all: Vec<Operation<'a>> = Vec::new();
        let mut places = HashMap::new();
        for (line, record) in (1..).zip(history.records()) {
            let (op, outcome) = match record {
                Record::Invoke { op, client, call, .. } => {
                    places.insert(*op, all.len());
                    let (client, outcome) = (*client, Outcome::Unknown);
                    all.push(Operation { client, call, begun: line, ended: usize::MAX, outcome });
                    continue;
                }
                Record::Ok { op, answer, .. } => (op, Outcome::Ok(answer)),
                Record::Fail { op, code, reason, .. } => (op, Outcome::Fail { code, reason }),
                Record::Info { op, .. } => (op, Outcome::Unknown),
                _ => continue,
            };
            if let Some(operation) = places.get(op).and_then(|place| all.get_mut(*place)) {
                (operation.ended, operation.outcome) = (line, outcome);
            }
        }
        Self(all)
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Operation<'a>> {
        self.0.iter()
    }

    /// Those that ended, in the order in which they did.
    pub(super) fn by_end(&self) -> Vec<&Operation<'a>> {
        let mut ended: Vec<_> = self.iter().filter(|operation| operation.ended != usize::MAX).collect();
        ended.sort_unstable_by_key(|operation| operation.ended);
        ended
    }
}

impl<'a> Operation<'a> {
    /// The lines of its beginning and of its end.
    pub(super) fn lines(&self) -> impl Iterator<Item = usize> + use<> {
        let ended = (self.ended != usize::MAX).then_some(self.ended);
        std::iter::once(self.begun).chain(ended)
    }

    pub(super) fn is_ok(&self) -> bool {
        matches!(self.outcome, Outcome::Ok(_))
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.outcome, Outcome::Unknown)
    }

    /// Whether it happened or may have.
    pub(super) fn may_be(&self) -> bool {
        !matches!(self.outcome, Outcome::Fail { .. })
    }

    /// Whether it was refused for this reason.
    pub(super) fn failed_for(&self, why: &str) -> bool {
        matches!(self.outcome, Outcome::Fail { reason, .. } if reason == why)
    }

    /// The user that it was told.
    pub(super) fn user(&self) -> Option<&'a User> {
        match self.outcome {
            Outcome::Ok(Answer::User(user)) => Some(user),
            _ => None,
        }
    }

    /// The profile that it was told.
    pub(super) fn profile(&self) -> Option<&'a User> {
        match self.outcome {
            Outcome::Ok(Answer::Profile(profile)) => Some(profile),
            _ => None,
        }
    }

    /// The payment that it was told.
    pub(super) fn payment(&self) -> Option<&'a Payment> {
        match self.outcome {
            Outcome::Ok(Answer::Payment(payment)) => Some(payment),
            _ => None,
        }
    }

    /// The method with the request id, which together name a request; nothing for a call without one.
    pub(super) fn request(&self) -> Option<(&'static str, &'a str)> {
        self.call.request_id().map(|id| (self.method(), id))
    }

    /// The method's name, as in the contracts.
    pub(super) fn method(&self) -> &'static str {
        self.call.method()
    }
}
