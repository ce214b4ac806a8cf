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
    let code = error.code();
    let of_handlers = matches!(
        code,
        Code::Ok
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::DataLoss
    );
    if of_handlers && !matches!(error, MeshError::UnknownHealth { .. }) { Code::Internal } else { code }
}
