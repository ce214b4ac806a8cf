//! What an answer says of the endpoint that gave it.

use tonic::Code;

/// What an answer says of the endpoint that gave it, as opposed to the request.
///
/// gRFC A50 counts every code but OK as a failure. Here an answer about the request (NOT_FOUND, INVALID_ARGUMENT
/// and so on) is a success of the endpoint: otherwise one caller with bad requests takes an endpoint away from all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Outcome {
    /// It answered, whatever it said.
    Success,
    /// It is there and has too much to do: bad for its success rate, not for its failures in a row (Linkerd).
    Overloaded,
    /// It could not answer.
    Failure,
    /// It took longer than the call had: a failure whose latency tells enough.
    TooLate,
    /// Its connection was lost. Whether it can be reached is known from the connection itself, and one connection
    /// takes many calls with it: no failures in a row.
    Lost,
    /// Nothing: the caller went away.
    Unknown,
}

impl Outcome {
    pub(in crate::client) fn of(code: Code) -> Self {
        match code {
            Code::Unavailable | Code::Internal | Code::Unknown | Code::DataLoss => Self::Failure,
            Code::DeadlineExceeded => Self::TooLate,
            Code::ResourceExhausted => Self::Overloaded,
            Code::Cancelled => Self::Unknown,
            Code::Ok
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated => Self::Success,
        }
    }

    /// Whether the answer came sooner than it is worth: it counts as the penalty.
    pub(super) fn is_penalised(self) -> bool {
        matches!(self, Self::Overloaded | Self::Failure | Self::Lost)
    }
}
