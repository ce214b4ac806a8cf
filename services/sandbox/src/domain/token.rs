//! How the sandbox behaves.

use super::{Kind, Method};

/// How the sandbox behaves towards a request: what its payment method asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// Everything possible is done.
    Ok,
    /// Operations of this kind are declined, with this code.
    Declines(Kind, &'static str),
    /// The first Execute of each key fails and does nothing.
    FailsOnce,
    /// The first Execute of each key does it and never answers.
    TimesOut,
    /// Execute answers late.
    Slow,
    /// Operations are pending for a while, and then told twice.
    Later,
    /// Nobody knows it: everything is declined.
    Unknown,
}

impl Token {
    /// What `method` asks for.
    #[must_use]
    pub fn of(method: &Method) -> Self {
        match method.reveal() {
            "tok_ok" => Self::Ok,
            "tok_decline" => Self::Declines(Kind::Authorize, "insufficient_funds"),
            "tok_decline_capture" => Self::Declines(Kind::Capture, "capture_refused"),
            "tok_decline_refund" => Self::Declines(Kind::Refund, "refund_refused"),
            "tok_5xx_once" => Self::FailsOnce,
            "tok_timeout_after_commit" => Self::TimesOut,
            "tok_slow" => Self::Slow,
            "tok_dup_webhook" => Self::Later,
            _ => Self::Unknown,
        }
    }

    /// Why an operation of this kind is declined, if it is.
    #[must_use]
    pub fn declines(self, kind: Kind) -> Option<&'static str> {
        match self {
            Self::Declines(declined, code) if declined == kind => Some(code),
            Self::Unknown => Some("unknown_token"),
            _ => None,
        }
    }
}
