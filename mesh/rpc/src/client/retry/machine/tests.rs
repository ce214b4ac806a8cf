use std::cell::Cell;

use mesh_policy::Codes;
use tonic::Code;

use super::*;

/// The policy of gRFC A6's example, with jitter left to each test.
static POLICY: RetryPolicy = RetryPolicy {
    max_attempts: 5,
    initial_backoff: Duration::from_millis(100),
    max_backoff: Duration::from_millis(500),
    backoff_multiplier: 2.0,
    retryable_codes: Codes::NONE.with(14),
};

struct Gates {
    open: bool,
    budget: Cell<u32>,
    failures: Cell<u32>,
    jitter: f64,
}

const OPEN: fn() -> Gates =
    || Gates { open: true, budget: Cell::new(99), failures: Cell::new(0), jitter: 1.0 };

impl Allowance for Gates {
    fn failed(&self) -> bool {
        self.failures.set(self.failures.get() + 1);
        self.open
    }

    fn take(&self) -> bool {
        let left = self.budget.get();
        self.budget.set(left.saturating_sub(1));
        left > 0
    }

    fn jitter(&self) -> f64 {
        self.jitter
    }
}

const UNAVAILABLE: Failure = Failure {
    code: Code::Unavailable,
    pushback: Pushback::Unsaid,
    unprocessed: false,
    sent: true,
    dropped: false,
};

fn pushed_back(millis: u64) -> Failure {
    Failure { pushback: Pushback::After(Duration::from_millis(millis)), ..UNAVAILABLE }
}

/// The steps after `failures`, one after the other.
fn steps(gates: &Gates, most: u32, failures: &[Failure]) -> Vec<Step> {
    let mut attempts = Attempts::new(&POLICY, most);
    failures.iter().map(|failure| attempts.after(failure, true, None, gates)).collect()
}

fn retry(millis: u64) -> Step {
    Step::Retry(Duration::from_millis(millis))
}

#[test]
fn waits_grow_by_the_multiplier_up_to_the_longest_and_five_attempts_are_the_most() {
    let steps = steps(&OPEN(), 5, &[UNAVAILABLE; 5]);
    assert_eq!(steps, [retry(100), retry(200), retry(400), retry(500), Step::Answer]);
}

#[test]
fn jitter_is_a_fifth_either_way_also_of_the_longest_wait() {
    let gates = |jitter| Gates { jitter, ..OPEN() };
    assert_eq!(steps(&gates(0.8), 5, &[UNAVAILABLE; 4]), [80, 160, 320, 400].map(retry));
    assert_eq!(steps(&gates(1.2), 5, &[UNAVAILABLE; 4]), [120, 240, 480, 600].map(retry));
}

#[test]
fn only_the_codes_of_the_contract_are_worth_another_attempt() {
    for code in (1..=16).map(Code::from_i32).filter(|code| *code != Code::Unavailable) {
        let gates = OPEN();
        assert_eq!(steps(&gates, 5, &[Failure { code, ..UNAVAILABLE }]), [Step::Answer], "{code:?}");
        assert_eq!(gates.failures.get(), 0, "{code:?} says nothing of the server's health");
    }
}

#[test]
fn pushback_is_exactly_the_wait_and_backoff_begins_anew_after_it() {
    let failures = [UNAVAILABLE, UNAVAILABLE, pushed_back(7), UNAVAILABLE];
    let gates = Gates { jitter: 0.8, ..OPEN() };
    assert_eq!(steps(&gates, 5, &failures), [80, 160, 7, 80].map(retry));
    assert_eq!(steps(&OPEN(), 5, &[pushed_back(0)]), [retry(0)]);
}

#[test]
fn pushback_of_never_ends_the_call_and_counts_as_a_failure_whatever_the_code() {
    for code in [Code::Unavailable, Code::ResourceExhausted, Code::NotFound] {
        let gates = OPEN();
        let never = Failure { code, pushback: Pushback::Never, ..UNAVAILABLE };
        assert_eq!(steps(&gates, 5, &[never]), [Step::Answer]);
        assert_eq!(gates.failures.get(), 1, "{code:?}");
    }
}

#[test]
fn pushback_makes_no_code_retryable() {
    let refused = Failure { code: Code::ResourceExhausted, ..pushed_back(7) };
    assert_eq!(steps(&OPEN(), 5, &[refused]), [Step::Answer]);
}

#[test]
fn nothing_is_sent_while_most_fails_but_every_failure_is_counted() {
    let gates = Gates { open: false, ..OPEN() };
    assert_eq!(steps(&gates, 5, &[UNAVAILABLE]), [Step::HeldBack]);
    assert_eq!(gates.failures.get(), 1);
    assert_eq!(gates.budget.get(), 99, "what is not sent costs nothing");
    // Also the failure of the last attempt.
    let gates = OPEN();
    steps(&gates, 2, &[UNAVAILABLE; 2]);
    assert_eq!(gates.failures.get(), 2);
}

#[test]
fn nothing_is_sent_beyond_the_budget() {
    let gates = Gates { budget: Cell::new(2), ..OPEN() };
    let steps = steps(&gates, 5, &[UNAVAILABLE; 3]);
    assert_eq!(steps, [retry(100), retry(200), Step::HeldBack]);
}

#[test]
fn what_nobody_has_seen_is_sent_again_once_at_once_and_uncharged() {
    let refused = Failure { unprocessed: true, ..UNAVAILABLE };
    let gates = OPEN();
    let steps = steps(&gates, 2, &[refused, refused, refused]);
    assert_eq!(steps, [Step::Resend, retry(100), Step::Answer]);
    assert_eq!(gates.budget.get(), 98);
    // Not retryable as such, and seen by nobody all the same.
    let calm = Failure { code: Code::ResourceExhausted, ..refused };
    assert_eq!(self::steps(&OPEN(), 2, &[calm, calm]), [Step::Resend, Step::Answer]);
}

#[test]
fn what_cannot_be_sent_whole_is_not_sent_again() {
    let mut attempts = Attempts::new(&POLICY, 5);
    let refused = Failure { unprocessed: true, ..UNAVAILABLE };
    assert_eq!(attempts.after(&UNAVAILABLE, false, None, &OPEN()), Step::Answer);
    assert_eq!(attempts.after(&refused, false, None, &OPEN()), Step::Answer);
}

#[test]
fn what_this_process_refuses_is_not_asked_of_it_again() {
    let gates = OPEN();
    assert_eq!(steps(&gates, 5, &[Failure { dropped: true, ..UNAVAILABLE }]), [Step::Answer]);
    assert_eq!(gates.failures.get(), 0);
}

#[test]
fn no_wait_is_begun_that_outlasts_the_deadline() {
    let gates = OPEN();
    let mut attempts = Attempts::new(&POLICY, 5);
    let left = |millis| Some(Duration::from_millis(millis));
    assert_eq!(attempts.after(&UNAVAILABLE, true, left(101), &gates), retry(100));
    assert_eq!(attempts.after(&UNAVAILABLE, true, left(200), &gates), Step::Answer);
    assert_eq!(attempts.after(&pushed_back(300), true, left(300), &gates), Step::Answer);
    assert_eq!(gates.budget.get(), 98, "and nothing is charged for it");
}

#[test]
fn each_attempt_says_how_many_were_before() {
    let mut attempts = Attempts::new(&POLICY, 5);
    let refused = Failure { unprocessed: true, ..UNAVAILABLE };
    assert_eq!(attempts.previous(), 0);
    attempts.after(&refused, true, None, &OPEN());
    assert_eq!(attempts.previous(), 0, "what nobody has seen was no attempt");
    attempts.after(&UNAVAILABLE, true, None, &OPEN());
    assert_eq!(attempts.previous(), 1);
}
