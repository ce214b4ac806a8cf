//! Which point, at which turn, with which callers.

use std::fmt;

use service_kit::process::crash_points::POINTS;

/// A crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) point: &'static str,
    /// The how-manyth time that the stack comes to the point.
    pub(super) turn: u64,
    /// Whether callers try a call in doubt again.
    pub(super) retries: bool,
}

/// Every point, at its turns, with both kinds of callers.
pub(super) fn cases() -> Vec<Case> {
    let at = |point| {
        turns(point).iter().flat_map(move |turn| [true, false].map(|retries| (point, *turn, retries)))
    };
    let all = POINTS.iter().flat_map(|point| at(*point));
    all.map(|(point, turn, retries)| Case { point, turn, retries }).collect()
}

/// Turns that come in the story however much of what goes on behind the callers' backs is done together. Its first three
/// mails are waited for, so there are three sendings and four publications at least.
fn turns(point: &str) -> &'static [u64] {
    match point {
        // Of the callers, and of the consumer that makes profiles.
        "user.before-commit" | "user.after-commit" => &[1, 2, 3, 4],
        // The first ones make the tables, before the stack is ready.
        "store.before-commit" | "store.after-commit" => &[1, 2, 4, 14, 17, 20, 23, 27, 31, 35, 39, 43],
        "relay.before-publish" | "relay.after-publish" => &[1, 2, 4],
        // Two consumers share the first two, a third one has the payments.
        "consumer.before-effect" | "consumer.after-effect" => &[1, 2, 3, 4, 6, 8],
        "consumer.after-ack" => &[1, 2, 3],
        "mail.before-send" | "mail.after-send" | "mail.after-record" => &[1, 2, 3],
        // Create, refund, refund, create, capture, create, cancel, create.
        "payment.before-intent" | "payment.after-intent" => &[1, 2, 3, 4, 5, 6, 7, 8],
        // To the first of these the provider says two things: it is captured at once.
        "payment.after-provider" | "payment.after-settle" => &[1, 2, 3, 4, 5, 6, 7, 8, 9],
        _ => &[1],
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let callers = if self.retries { "callers try again" } else { "callers give up" };
        write!(f, "{} at turn {}, {callers}", self.point, self.turn)
    }
}
