//! What the mesh itself answers, and the only place of this crate that makes a [`Status`].
//!
//! Every error says which layer made it and why: code, `ErrorInfo{domain: "mesh", reason}` and metadata
//! (AIP-193), so that a caller can tell a refused connection from a refusing service. Errors of HTTP/2 are
//! mapped as gRPC prescribes ("gRPC over HTTP/2", HTTP2 Transport Mapping, Errors).

use std::{collections::HashMap, error::Error as _, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Response, StatusCode, uri::Authority};
use mesh_policy::{Criticality, RateLimit};
use mesh_telemetry::chain;
use tonic::{Code, Status, metadata::MetadataMap};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    bug::Bug,
    criticality,
    pushback::{NEVER, PUSHBACK, RATE_LIMIT, RATE_LIMIT_POLICY},
    server::{quota, rounded_up},
};

/// `ErrorInfo.domain` of every error that the mesh makes.
pub const DOMAIN: &str = "mesh";

/// On which side of the wire a layer of the mesh stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// In the client stack.
    Client,
    /// In the server stack.
    Server,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// An answer that the mesh gives in place of a service. Becomes a [`Status`] with `ErrorInfo`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeshError {
    /// No service of this name is served here.
    #[error("this server has no service {service}")]
    UnknownService {
        /// What the path names.
        service: String,
    },
    /// A health check names a service that this server does not have.
    #[error("this server has no service {service} to check")]
    UnknownHealth {
        /// What the check names.
        service: String,
    },
    /// The request is not a POST.
    #[error("a gRPC request is a POST")]
    MethodNotAllowed,
    /// The `grpc-timeout` header is not of the form that gRPC prescribes. As in grpc-go: INTERNAL, with the
    /// HTTP status 400; the gRPC specification names no code.
    #[error("grpc-timeout is malformed: at most eight digits and one of H, M, S, m, u, n")]
    MalformedTimeout,
    /// The handler, or a body it streamed, panicked. What it said stays in the server's log.
    #[error("the handler panicked")]
    Panicked,
    /// The call's deadline passed before the call was over.
    #[error("the deadline passed before the call was over")]
    DeadlineExceeded {
        /// Who noticed first.
        side: Side,
    },
    /// The server is stopping and ends a stream that it cannot finish.
    #[error("the server is stopping; call again elsewhere")]
    Draining,
    /// The caller went away while its request was being read.
    #[error("the caller is gone")]
    CallerGone,
    /// The target has no endpoint to call.
    #[error("no endpoint for {target}: {cause}")]
    NoEndpoint {
        /// The target, as it was configured.
        target: String,
        /// Why there is none.
        cause: String,
    },
    /// No endpoint of the target can be reached; this is the last that was tried.
    #[error("cannot connect to {endpoint}: {cause}")]
    ConnectFailed {
        /// Where to.
        endpoint: String,
        /// What the last attempt met.
        cause: String,
    },
    /// The connection was lost while the call was on it.
    #[error("lost the connection to {endpoint}: {cause}")]
    ConnectionLost {
        /// Where to.
        endpoint: String,
        /// How.
        cause: String,
    },
    /// The server said GOAWAY before it saw the call.
    #[error("{endpoint} is going away and has not seen the call")]
    GoneAway {
        /// Where to.
        endpoint: String,
    },
    /// All endpoints that can be reached are ejected, and none is ready for a probe.
    #[error("every endpoint of {target} is ejected for its failures")]
    BreakerOpen {
        /// The target, as it was configured.
        target: String,
    },
    /// All endpoints that can be reached say that they do not serve.
    #[error("no endpoint of {target} serves, by its own account")]
    NotServing {
        /// The target, as it was configured.
        target: String,
    },
    /// As many calls wait for an endpoint as may.
    #[error("{limit} calls wait for an endpoint already")]
    QueueFull {
        /// The most.
        limit: usize,
    },
    /// As many calls are in flight on the target as may be.
    #[error("{limit} calls are in flight on the target already")]
    TargetFull {
        /// The most.
        limit: usize,
    },
    /// There is no endpoint that the call has not tried yet, where only another one would do.
    #[error("there is no other endpoint")]
    NoOtherEndpoint,
    /// The server has too much to do for a call of this class.
    #[error("the server has too much to do for a call of the class {}", criticality::name(*criticality))]
    LoadShed {
        /// The class of the call.
        criticality: Criticality,
    },
    /// The caller asks too often.
    #[error("{path}: {} calls a second, {} at once, and no more", limit.per_second, limit.burst)]
    RateLimited {
        /// What was called.
        path: String,
        /// How much its caller may ask.
        limit: RateLimit,
        /// When there is room for one more call.
        wait: Duration,
    },
    /// The call was not sent: servers turn most calls to this target away.
    #[error("{target} turns most calls away, and was not asked")]
    ClientThrottled {
        /// The target, as it was configured.
        target: String,
    },
    /// The peer, or HTTP/2 itself, ended the stream of this call alone.
    #[error("the stream was reset: {reason}")]
    StreamReset {
        /// The HTTP/2 error code.
        reason: h2::Reason,
    },
}

impl MeshError {
    /// The gRPC code that the error becomes.
    pub fn code(&self) -> Code {
        match self {
            Self::UnknownService { .. } => Code::Unimplemented,
            Self::UnknownHealth { .. } => Code::NotFound,
            Self::MethodNotAllowed | Self::MalformedTimeout | Self::Panicked => Code::Internal,
            Self::DeadlineExceeded { .. } => Code::DeadlineExceeded,
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
            Self::LoadShed { .. } | Self::RateLimited { .. } | Self::ClientThrottled { .. } => {
                Code::ResourceExhausted
            }
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
        }
    }

    fn metadata(&self) -> HashMap<String, String> {
        let pair = match self {
            Self::UnknownService { service } | Self::UnknownHealth { service } => {
                ("service", service.clone())
            }
            Self::DeadlineExceeded { side } => ("side", side.name().to_owned()),
            Self::NoEndpoint { target, .. }
            | Self::BreakerOpen { target }
            | Self::NotServing { target }
            | Self::ClientThrottled { target } => ("target", target.clone()),
            Self::QueueFull { limit } | Self::TargetFull { limit } => ("limit", limit.to_string()),
            Self::ConnectFailed { endpoint, .. }
            | Self::ConnectionLost { endpoint, .. }
            | Self::GoneAway { endpoint } => ("endpoint", endpoint.clone()),
            Self::RateLimited { path, .. } => ("path", path.clone()),
            Self::LoadShed { criticality } => ("criticality", criticality::name(*criticality).to_owned()),
            Self::StreamReset { reason } => ("http2_error", format!("{reason:?}")),
            Self::MethodNotAllowed
            | Self::MalformedTimeout
            | Self::Panicked
            | Self::Draining
            | Self::CallerGone
            | Self::NoOtherEndpoint => return HashMap::new(),
        };
        HashMap::from([(pair.0.to_owned(), pair.1)])
    }

    /// A response that is nothing but this error ("Trailers-Only").
    pub(crate) fn into_response<B: Default>(self) -> Response<B> {
        let http_status = match self {
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::MalformedTimeout => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        };
        let mut response = Status::from(self).into_http();
        *response.status_mut() = http_status;
        if http_status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }

    /// The trailers that end a response whose head is already on the wire.
    pub(crate) fn into_trailers(self) -> HeaderMap {
        let mut trailers = HeaderMap::with_capacity(3);
        let code = self.code();
        if Status::from(self).add_header(&mut trailers).is_err() {
            trailers.insert(Status::GRPC_STATUS, HeaderValue::from(code as i32));
        }
        trailers
    }

    /// What an error of a client's connection means for the call that met it.
    pub(crate) fn of_connection(endpoint: &Authority, error: &h2::Error) -> Self {
        if is_gone_away(error) {
            return Self::GoneAway { endpoint: endpoint.to_string() };
        }
        match stream_reset(error) {
            Some(reason) => Self::StreamReset { reason },
            // Everything that is not about this stream alone is about the connection: closed, timed out,
            // GOAWAY, a protocol error. gRPC: UNAVAILABLE.
            None => Self::ConnectionLost { endpoint: endpoint.to_string(), cause: chain(error).to_string() },
        }
    }

    /// The error that the mesh made a status from, if it did in this process.
    pub(crate) fn of_status(status: &Status) -> Option<&Self> {
        status.source()?.downcast_ref()
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

    /// What an error means that a server meets while it reads a request.
    pub(crate) fn of_request(error: &h2::Error) -> Self {
        match stream_reset(error) {
            Some(reason) => Self::StreamReset { reason },
            None => Self::CallerGone,
        }
    }
}

impl From<MeshError> for Status {
    fn from(error: MeshError) -> Self {
        let mut details = ErrorDetails::with_error_info(error.reason(), DOMAIN, error.metadata());
        let mut headers = HeaderMap::new();
        match &error {
            // A handler that passes the status on passes this on to its own caller.
            MeshError::ClientThrottled { .. } => _ = headers.insert(PUSHBACK, NEVER),
            MeshError::RateLimited { limit, wait, .. } => {
                details.set_retry_info(Some(*wait));
                details.add_quota_failure_violation("caller", error.to_string());
                say_limit(&mut headers, *limit, *wait);
            }
            _ => {}
        }
        let metadata = MetadataMap::from_headers(headers);
        let mut status =
            Self::with_error_details_and_metadata(error.code(), error.to_string(), details, metadata);
        status.set_source(Arc::new(error));
        status
    }
}

/// When to come again, for gRPC (gRFC A6) and for HTTP (draft-ietf-httpapi-ratelimit-headers-11; the fields changed
/// their form from draft to draft, and are written here alone).
fn say_limit(headers: &mut HeaderMap, limit: RateLimit, wait: Duration) {
    let ((millis, seconds), (quota, window)) = (rounded_up(wait), quota(limit));
    let fields = [
        (PUSHBACK, millis.min(i32::MAX as u128).to_string()),
        (RATE_LIMIT, format!("\"caller\";r=0;t={seconds}")),
        (RATE_LIMIT_POLICY, format!("\"caller\";q={quota};w={window}")),
    ];
    for (name, value) in fields {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
}

/// Whether a stream ended because the server said GOAWAY with the number of an earlier stream: of those that it
/// has seen, none ends so.
fn is_gone_away(error: &h2::Error) -> bool {
    error.is_go_away() && error.is_remote()
}

/// The error code of a RST_STREAM, if the error is about one stream.
fn stream_reset(error: &h2::Error) -> Option<h2::Reason> {
    error.reason().filter(|_| error.is_reset())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_tells_its_domain_and_reason() {
        let status = Status::from(MeshError::ConnectFailed {
            endpoint: "127.0.0.1:1".to_owned(),
            cause: "connection refused".to_owned(),
        });
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(status.message(), "cannot connect to 127.0.0.1:1: connection refused");
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (info.domain.as_str(), info.reason.as_str(), info.metadata["endpoint"].as_str()),
            ("mesh", "CONNECT_FAILED", "127.0.0.1:1")
        );
    }

    #[test]
    fn resets_become_the_codes_that_grpc_prescribes() {
        let code = |reason| MeshError::StreamReset { reason }.code();
        assert_eq!(code(h2::Reason::REFUSED_STREAM), Code::Unavailable);
        assert_eq!(code(h2::Reason::CANCEL), Code::Cancelled);
        assert_eq!(code(h2::Reason::ENHANCE_YOUR_CALM), Code::ResourceExhausted);
        assert_eq!(code(h2::Reason::NO_ERROR), Code::Internal);
        assert_eq!(code(h2::Reason::HTTP_1_1_REQUIRED), Code::Unknown);
    }

    #[test]
    fn trailers_carry_code_and_details() {
        let trailers = MeshError::Panicked.into_trailers();
        assert_eq!(trailers[Status::GRPC_STATUS], "13");
        let status = Status::from_header_map(&trailers).unwrap();
        assert_eq!(status.get_details_error_info().unwrap().reason, "PANIC");
    }
}
