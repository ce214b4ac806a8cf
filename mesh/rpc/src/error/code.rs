//! Which code each error becomes.

use http::StatusCode;
use tonic::Code;

use super::{MeshError, Side};

impl MeshError {
    /// The gRPC code that the error becomes.
    pub fn code(&self) -> Code {
        match self {
            Self::UnknownService { .. } => Code::Unimplemented,
            Self::UnknownHealth { .. } => Code::NotFound,
            Self::MethodNotAllowed
            | Self::MalformedTimeout
            | Self::Panicked
            | Self::RequestBroken
            | Self::BrokenMessage { .. }
            | Self::UnknownEncoding { side: Side::Client, .. } => Code::Internal,
            Self::UnknownEncoding { side: Side::Server, .. } => Code::Unimplemented,
            Self::MessageTooLarge { .. }
            | Self::LoadShed { .. }
            | Self::RateLimited { .. }
            | Self::ClientThrottled { .. } => Code::ResourceExhausted,
            Self::DeadlineExceeded { .. } | Self::RequestStalled { .. } | Self::NotReady { .. } => {
                Code::DeadlineExceeded
            }
            Self::NotGrpc { http_status, .. } => code_of_http(*http_status),
            Self::NoStatus { .. } => Code::Unknown,
            Self::CallerGone => Code::Cancelled,
            Self::Draining
            | Self::NoEndpoint { .. }
            | Self::ConnectFailed { .. }
            | Self::ConnectionLost { .. }
            | Self::GoneAway { .. }
            | Self::BreakerOpen { .. }
            | Self::NotServing { .. }
            | Self::QueueFull { .. }
            | Self::TargetFull { .. }
            | Self::NoOtherEndpoint => Code::Unavailable,
            Self::StreamReset { reason } => code_of_reset(*reason),
        }
    }

    /// `ErrorInfo.reason`: a constant in capitals.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownService { .. } | Self::UnknownHealth { .. } => "UNKNOWN_SERVICE",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::MalformedTimeout => "MALFORMED_TIMEOUT",
            Self::Panicked => "PANIC",
            Self::DeadlineExceeded { .. } => "DEADLINE_EXCEEDED",
            Self::Draining => "DRAINING",
            Self::CallerGone => "CALLER_GONE",
            Self::RequestBroken => "REQUEST_BROKEN",
            Self::NoEndpoint { .. } => "NO_ENDPOINT",
            Self::ConnectFailed { .. } => "CONNECT_FAILED",
            Self::NotReady { .. } => "NOT_READY",
            Self::ConnectionLost { .. } => "CONNECTION_LOST",
            Self::GoneAway { .. } => "GONE_AWAY",
            Self::BreakerOpen { .. } => "BREAKER_OPEN",
            Self::NotServing { .. } => "NOT_SERVING",
            Self::QueueFull { .. } => "QUEUE_FULL",
            Self::TargetFull { .. } => "TARGET_FULL",
            Self::NoOtherEndpoint => "NO_OTHER_ENDPOINT",
            Self::LoadShed { .. } => "LOAD_SHED",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::ClientThrottled { .. } => "CLIENT_THROTTLED",
            Self::StreamReset { .. } => "STREAM_RESET",
            Self::MessageTooLarge { .. } => "MESSAGE_TOO_LARGE",
            Self::UnknownEncoding { .. } => "UNKNOWN_ENCODING",
            Self::BrokenMessage { .. } => "BROKEN_MESSAGE",
            Self::RequestStalled { .. } => "REQUEST_STALLED",
            Self::NotGrpc { .. } => "NOT_GRPC",
            Self::NoStatus { .. } => "NO_STATUS",
        }
    }
}

/// The table of "gRPC over HTTP/2" from HTTP/2 error codes to gRPC codes.
fn code_of_reset(reason: h2::Reason) -> Code {
    match reason {
        h2::Reason::REFUSED_STREAM => Code::Unavailable,
        h2::Reason::CANCEL => Code::Cancelled,
        h2::Reason::ENHANCE_YOUR_CALM => Code::ResourceExhausted,
        h2::Reason::INADEQUATE_SECURITY => Code::PermissionDenied,
        h2::Reason::NO_ERROR
        | h2::Reason::PROTOCOL_ERROR
        | h2::Reason::INTERNAL_ERROR
        | h2::Reason::FLOW_CONTROL_ERROR
        | h2::Reason::SETTINGS_TIMEOUT
        | h2::Reason::FRAME_SIZE_ERROR
        | h2::Reason::COMPRESSION_ERROR
        | h2::Reason::CONNECT_ERROR => Code::Internal,
        _ => Code::Unknown,
    }
}

/// The table of grpc/doc/http-grpc-status-mapping.md, for answers that have no gRPC status; all others are UNKNOWN.
/// One row is added: a server whose HTTP/2 refuses large headers before gRPC sees them says 431, and what they are is
/// what gRPC calls too much.
pub(crate) fn code_of_http(status: StatusCode) -> Code {
    match status {
        StatusCode::BAD_REQUEST => Code::Internal,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::Unimplemented,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Code::Unavailable,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Code::ResourceExhausted,
        _ => Code::Unknown,
    }
}

/// gRFC A54: what decides about a call without being its handler (a resolver, a balancer, an authorization) must not
/// answer with a code by which a handler speaks of its own data; such a code becomes INTERNAL. One of the mesh's own
/// answers is exempt: grpc.health.v1 prescribes NOT_FOUND for a service that is not known.
pub(super) fn of_control(error: &MeshError) -> Code {
    match error {
        MeshError::UnknownHealth { .. } => error.code(),
        error => not_of_handlers(error.code()),
    }
}

/// INTERNAL in the place of a code that only handlers may answer with.
fn not_of_handlers(code: Code) -> Code {
    match code {
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::DataLoss => Code::Internal,
        Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::Unauthenticated => code,
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    #[test]
    fn of_all_seventeen_codes_those_of_handlers_become_internal() {
        // The list of A54, by number: OK, INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED,
        // OUT_OF_RANGE, DATA_LOSS.
        let of_handlers = [0, 3, 5, 6, 9, 10, 11, 15];
        for number in 0..=16 {
            let expected = if of_handlers.contains(&number) { 13 } else { number };
            assert_eq!(not_of_handlers(Code::from(number)) as i32, expected, "{number}");
        }
    }

    #[test]
    fn whatever_a_peer_that_is_no_grpc_server_says_it_is_no_word_of_a_handler() {
        let not_grpc = (100..=999).map(|number| MeshError::NotGrpc {
            endpoint: "127.0.0.1:1".to_owned(),
            http_status: StatusCode::from_u16(number).unwrap(),
            content_type: String::new(),
        });
        let resets = (0..=20_u32).map(|number| MeshError::StreamReset { reason: number.into() });
        for error in not_grpc.chain(resets) {
            let (own, said) = (error.code(), Status::from(error.clone()).code());
            assert_eq!(own, said, "{error}: the code of its own is fit to be said");
            assert_eq!(not_of_handlers(said), said, "{error}");
        }
    }

    #[test]
    fn a_service_whose_health_is_unknown_is_not_found() {
        let error = MeshError::UnknownHealth { service: "a.v1.A".to_owned() };
        assert_eq!(Status::from(error).code(), Code::NotFound);
    }
}
