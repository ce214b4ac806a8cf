//! What an error says of the call that met it.

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// What is known of a call that was not answered with success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The service decided, and did nothing.
    Refused,
    /// It never left this process.
    Unsent,
    /// It may have been done, but is not being done any more: what it was on is gone, or the service has given up.
    Unknown,
    /// It may have been done, or be done later: only the waiting is over.
    UnderWay,
}

/// Reasons of `ErrorInfo`, in the domain of the mesh, for calls that found nobody to go to, or were held back.
const UNSENT: [&str; 7] = [
    "CONNECT_FAILED",
    "NO_ENDPOINT",
    "NO_OTHER_ENDPOINT",
    "BREAKER_OPEN",
    "NOT_SERVING",
    "QUEUE_FULL",
    "TARGET_FULL",
];

/// Judges an error.
pub(super) fn judge(status: &Status) -> Judgement {
    match status.code() {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented => Judgement::Refused,
        Code::DeadlineExceeded | Code::Cancelled => Judgement::UnderWay,
        Code::Unavailable if is_unsent(status) => Judgement::Unsent,
        _ => Judgement::Unknown,
    }
}

fn is_unsent(status: &Status) -> bool {
    status
        .get_details_error_info()
        .is_some_and(|info| info.domain == mesh_rpc::DOMAIN && UNSENT.contains(&info.reason.as_str()))
}

/// The reason of the error's `ErrorInfo`; empty if it has none.
pub(super) fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// The code as gRPC writes it.
pub(super) fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use mesh_rpc::MeshError;

    use super::*;

    #[test]
    fn what_a_service_decided_is_a_refusal_and_everything_else_is_in_doubt() {
        let judged = |code| judge(&Status::new(code, ""));
        for code in [Code::InvalidArgument, Code::NotFound, Code::AlreadyExists, Code::FailedPrecondition] {
            assert_eq!(judged(code), Judgement::Refused, "{code:?}");
        }
        for code in [Code::Unavailable, Code::Unknown, Code::Internal, Code::ResourceExhausted] {
            assert_eq!(judged(code), Judgement::Unknown, "{code:?}");
        }
        for code in [Code::DeadlineExceeded, Code::Cancelled] {
            assert_eq!(judged(code), Judgement::UnderWay, "{code:?}");
        }
    }

    #[test]
    fn only_a_call_that_found_nobody_is_known_not_to_have_been_sent() {
        let (endpoint, cause) = ("127.0.0.1:1".to_owned(), "refused".to_owned());
        let failed = MeshError::ConnectFailed { endpoint: endpoint.clone(), cause: cause.clone() };
        assert_eq!(judge(&failed.into()), Judgement::Unsent);
        let lost = Status::from(MeshError::ConnectionLost { endpoint, cause });
        assert_eq!((judge(&lost), reason(&lost).as_str()), (Judgement::Unknown, "CONNECTION_LOST"));
    }
}
