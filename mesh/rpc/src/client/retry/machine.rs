//! Whether a failed attempt is followed by another one: gRFC A6 as a function of what happened.

use std::time::Duration;

use mesh_policy::RetryPolicy;

use super::Failure;
use crate::pushback::Pushback;

/// What bounds repeats from outside the call: throttle and budget of the channel.
pub(in crate::client) trait Allowance {
    /// An attempt failed in a way that repeats are made for. Whether repeats may go on at all.
    fn failed(&self) -> bool;

    /// Takes one repeat, if there is one.
    fn take(&self) -> bool;

    /// A factor from 0.8 to 1.2.
    fn jitter(&self) -> f64;
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The failure is the answer to the call.
    Answer,
    /// So it is, though the contract allows another attempt: there is too much to do, or too much that fails.
    HeldBack,
    /// The same attempt once more, at once: nobody has seen it.
    Resend,
    /// Another attempt after this wait.
    Retry(Duration),
}

/// The attempts of one call.
#[derive(Debug)]
pub(super) struct Attempts {
    policy: &'static RetryPolicy,
    most: u32,
    made: u32,
    /// Retries since the call began or a server has said when to come again.
    backoffs: u32,
    resent: bool,
}

impl Attempts {
    /// The call makes its first attempt.
    pub(super) fn new(policy: &'static RetryPolicy, most: u32) -> Self {
        Self { policy, most, made: 1, backoffs: 0, resent: false }
    }

    /// Attempts before the present one.
    pub(super) fn previous(&self) -> u32 {
        self.made - 1
    }

    /// The present attempt failed.
    ///
    /// `whole` is whether all of the request can be sent again, `left` what is left of the call's deadline. A wait
    /// that would outlast the deadline is not begun: the caller gets to know at once what went wrong, instead of
    /// later that time is over (gRPC waits).
    pub(super) fn after(
        &mut self,
        failure: &Failure,
        whole: bool,
        left: Option<Duration>,
        allowance: &impl Allowance,
    ) -> Step {
        if failure.unprocessed && whole && !self.resent {
            self.resent = true;
            return Step::Resend;
        }
        let retryable = self.policy.retryable_codes.contains(failure.code as i32) && !failure.dropped;
        let told_never = failure.pushback == Pushback::Never;
        // Every failure counts that retries are made for, also the last one of a call.
        let open = !(retryable || told_never) || allowance.failed();
        if told_never || !retryable || !whole || self.made >= self.most {
            return Step::Answer;
        }
        if !open {
            return Step::HeldBack;
        }
        let wait = match failure.pushback {
            Pushback::After(wait) => wait,
            Pushback::Unsaid | Pushback::Never => {
                self.policy.backoff(self.backoffs + 1).mul_f64(allowance.jitter())
            }
        };
        if left.is_some_and(|left| wait >= left) {
            return Step::Answer;
        }
        if !allowance.take() {
            return Step::HeldBack;
        }
        self.backoffs = if matches!(failure.pushback, Pushback::After(_)) { 0 } else { self.backoffs + 1 };
        self.made += 1;
        Step::Retry(wait)
    }
}

#[cfg(test)]
mod tests;
