//! When the next attempt of a hedged call is sent: gRFC A6 as a function of what happened.
//!
//! Times count from the beginning of the call.

use std::time::Duration;

use mesh_policy::Codes;
use tonic::Code;

use crate::{
    client::retry::{Allowance, Failure},
    pushback::Pushback,
};

/// After these codes another server may do better. A contract cannot name others: for a read UNAVAILABLE is the
/// one that is safe and useful to repeat anywhere (AIP-194), and an attempt beside one that goes on is not the
/// place to try more.
pub(in crate::client) const NON_FATAL: Codes = Codes::NONE.with(Code::Unavailable as i32);

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The failure is the answer to the call; whoever else is at it can stop.
    Answer,
    /// The same attempt once more, at once: nobody has seen it.
    Resend,
    /// The next attempt now.
    Hedge,
    /// Others are at it, or will be.
    Wait,
}

/// The attempts of one call.
#[derive(Debug)]
pub(super) struct Plan {
    most: u32,
    /// Between two attempts.
    delay: Duration,
    sent: u32,
    flying: u32,
    next: Option<Duration>,
    resent: bool,
}

impl Plan {
    /// The call makes its first attempt.
    pub(super) fn new(most: u32, delay: Duration) -> Self {
        Self { most, delay, sent: 1, flying: 1, next: Some(delay), resent: false }
    }

    /// When the next attempt is due, if there will be one.
    pub(super) fn next(&self) -> Option<Duration> {
        self.next
    }

    /// An attempt is sent at `now`, or when it was due if that was before. How many were before it.
    pub(super) fn send(&mut self, now: Duration) -> u32 {
        let from = self.next.map_or(now, |due| due.min(now));
        self.sent += 1;
        self.flying += 1;
        self.next = (self.sent < self.most).then(|| from.saturating_add(self.delay));
        self.sent - 1
    }

    /// There will be no further attempt. Whether somebody is still at it.
    pub(super) fn stop(&mut self) -> bool {
        self.next = None;
        self.flying > 0
    }

    /// An attempt that was sent has found nobody to go to, and there will be no other. Whether somebody is still
    /// at it.
    pub(super) fn nobody_else(&mut self) -> bool {
        self.flying -= 1;
        self.stop()
    }

    /// An attempt failed at `now`.
    pub(super) fn failed(&mut self, failure: &Failure, now: Duration, allowance: &impl Allowance) -> Step {
        if failure.unprocessed && !self.resent {
            self.resent = true;
            return Step::Resend;
        }
        self.flying -= 1;
        let non_fatal = NON_FATAL.contains(failure.code as i32) && !failure.dropped;
        let told_never = failure.pushback == Pushback::Never;
        let open = !(non_fatal || told_never) || allowance.failed();
        if !non_fatal {
            return Step::Answer;
        }
        if told_never || !open {
            self.next = None;
        }
        match (self.next, failure.pushback) {
            (None, _) if self.flying == 0 => Step::Answer,
            (None, _) => Step::Wait,
            (Some(_), Pushback::After(wait)) => {
                self.next = Some(now.saturating_add(wait));
                Step::Wait
            }
            (Some(_), _) => Step::Hedge,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Gates {
        open: bool,
        failures: Cell<u32>,
    }

    impl Allowance for Gates {
        fn failed(&self) -> bool {
            self.failures.set(self.failures.get() + 1);
            self.open
        }

        fn take(&self) -> bool {
            true
        }

        fn jitter(&self) -> f64 {
            1.0
        }
    }

    fn gates(open: bool) -> Gates {
        Gates { open, failures: Cell::new(0) }
    }

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    const UNAVAILABLE: Failure = Failure {
        code: Code::Unavailable,
        pushback: Pushback::Unsaid,
        unprocessed: false,
        sent: true,
        dropped: false,
    };

    fn plan(most: u32) -> Plan {
        Plan::new(most, ms(10))
    }

    #[test]
    fn attempt_k_is_due_after_k_delays_though_timers_are_late() {
        let mut plan = plan(4);
        for attempt in 1..4 {
            assert_eq!(plan.next(), Some(ms(10) * attempt));
            assert_eq!(plan.send(ms(10) * attempt + ms(1)), attempt);
        }
        assert_eq!(plan.next(), None);
    }

    #[test]
    fn a_failure_that_is_not_fatal_sends_the_next_at_once() {
        let mut plan = plan(3);
        assert_eq!(plan.failed(&UNAVAILABLE, ms(3), &gates(true)), Step::Hedge);
        plan.send(ms(3));
        assert_eq!(plan.next(), Some(ms(13)), "the one after it has its delay from there");
        assert_eq!(plan.failed(&UNAVAILABLE, ms(5), &gates(true)), Step::Hedge);
        plan.send(ms(5));
        assert_eq!(plan.failed(&UNAVAILABLE, ms(6), &gates(true)), Step::Answer);
    }

    #[test]
    fn while_somebody_is_at_it_a_failure_is_no_answer() {
        let mut plan = plan(2);
        plan.send(ms(10));
        assert_eq!(plan.failed(&UNAVAILABLE, ms(11), &gates(true)), Step::Wait);
        assert_eq!(plan.failed(&UNAVAILABLE, ms(12), &gates(true)), Step::Answer);
    }

    #[test]
    fn a_fatal_failure_is_the_answer() {
        let mut plan = plan(3);
        plan.send(ms(10));
        let gates = gates(true);
        let fatal = Failure { code: Code::NotFound, ..UNAVAILABLE };
        assert_eq!(plan.failed(&fatal, ms(11), &gates), Step::Answer);
        assert_eq!(gates.failures.get(), 0);
    }

    #[test]
    fn pushback_delays_the_next_and_never_ends_them() {
        let mut plan = plan(4);
        let later = Failure { pushback: Pushback::After(ms(50)), ..UNAVAILABLE };
        assert_eq!(plan.failed(&later, ms(3), &gates(true)), Step::Wait);
        assert_eq!(plan.next(), Some(ms(53)));
        plan.send(ms(53));
        plan.send(ms(63));
        let never = Failure { pushback: Pushback::Never, ..UNAVAILABLE };
        assert_eq!(plan.failed(&never, ms(64), &gates(true)), Step::Wait);
        assert_eq!(plan.next(), None);
        assert_eq!(plan.failed(&UNAVAILABLE, ms(65), &gates(true)), Step::Answer);
    }

    #[test]
    fn while_most_fails_there_is_no_next() {
        let mut plan = plan(4);
        plan.send(ms(10));
        let closed = gates(false);
        assert_eq!(plan.failed(&UNAVAILABLE, ms(11), &closed), Step::Wait);
        assert_eq!(plan.next(), None);
    }

    #[test]
    fn what_nobody_has_seen_is_sent_again_once() {
        let mut plan = plan(2);
        let refused = Failure { unprocessed: true, ..UNAVAILABLE };
        assert_eq!(plan.failed(&refused, ms(1), &gates(true)), Step::Resend);
        assert_eq!(plan.failed(&refused, ms(2), &gates(true)), Step::Hedge);
        plan.send(ms(2));
        assert_eq!(plan.failed(&refused, ms(3), &gates(true)), Step::Answer);
    }

    #[test]
    fn where_nobody_else_is_the_first_attempt_goes_on_alone() {
        let mut plan = plan(3);
        plan.send(ms(10));
        assert!(plan.nobody_else());
        assert_eq!(plan.next(), None);
        assert_eq!(plan.failed(&UNAVAILABLE, ms(11), &gates(true)), Step::Answer);
    }
}
