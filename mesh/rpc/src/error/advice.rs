//! Whether a call that failed may be made again.

use super::{MeshError, Side, Spent};
use crate::bug::Bug;

/// What an error says of another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// No handler has seen the call: it may be sent again, whatever it does.
    Safe,
    /// A handler may have seen it: it may be sent again if its method is idempotent.
    IfIdempotent,
    /// It may be sent again once the wait is over that the error names.
    Later,
    /// Another attempt would end the same way, or do harm.
    Never,
}

impl Advice {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::IfIdempotent => "if_idempotent",
            Self::Later => "later",
            Self::Never => "never",
        }
    }
}

impl MeshError {
    pub(super) fn advice(&self) -> Advice {
        match self {
            _ if self.is_drop() => Advice::Never,
            _ if self.is_unprocessed() || self.is_unsent() => Advice::Safe,
            Self::RateLimited { .. } => Advice::Later,
            Self::LoadShed { .. }
            | Self::UnknownService { .. }
            | Self::UnknownHealth { .. }
            | Self::MethodNotAllowed
            | Self::MalformedTimeout
            | Self::MessageTooLarge { .. }
            | Self::UnknownEncoding { .. }
            | Self::RequestBroken
            | Self::BrokenMessage { .. } => Advice::Never,
            // Its time went into the way to an endpoint.
            Self::DeadlineExceeded {
                side: Side::Client,
                spent: Spent { waited_for: Some(_), attempts: 0, .. },
            } => Advice::Safe,
            // No endpoint was asked.
            Self::NotServing { .. } | Self::NotReady { .. } => Advice::Safe,
            _ => Advice::IfIdempotent,
        }
    }

    /// Whether no handler has seen the call, for certain: it is safe to send again, whatever it does (gRFC A6,
    /// "Transparent Retries"; RFC 9113, section 8.7).
    pub(crate) fn is_unprocessed(&self) -> bool {
        if Bug::LostAfterGoaway.is_here() {
            return false;
        }
        matches!(self, Self::GoneAway { .. } | Self::StreamReset { reason: h2::Reason::REFUSED_STREAM })
            || (Bug::UnsafeResend.is_here() && matches!(self, Self::ConnectionLost { .. }))
    }

    /// Whether the call did not leave this process.
    pub(crate) fn is_unsent(&self) -> bool {
        self.is_drop()
            || matches!(self, Self::NoEndpoint { .. } | Self::ConnectFailed { .. } | Self::BreakerOpen { .. })
    }

    /// Whether this process itself held the call back, because of a limit of its own: to ask it again would be
    /// work for nothing (gRFC A6: what the load balancer drops is never retried).
    pub(crate) fn is_drop(&self) -> bool {
        matches!(
            self,
            Self::NoOtherEndpoint
                | Self::QueueFull { .. }
                | Self::TargetFull { .. }
                | Self::ClientThrottled { .. }
        )
    }
}
