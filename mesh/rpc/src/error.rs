//! What the mesh itself answers, and the only place of this crate that makes a [`Status`].
//!
//! Every error says which layer made it and why: code, `ErrorInfo{domain: "mesh", reason}` and metadata
//! (AIP-193), so that a caller can tell a refused connection from a refusing service. Errors of HTTP/2 are
//! mapped as gRPC prescribes ("gRPC over HTTP/2", HTTP2 Transport Mapping, Errors), and so are answers that are not
//! gRPC (grpc/doc/http-grpc-status-mapping.md).

mod advice;
mod answer;
mod code;
mod detail;
mod limit;
mod spent;
mod wire;

use std::{error::Error as _, sync::Arc, time::Duration};

use http::StatusCode;
use mesh_policy::{Criticality, RateLimit};
use tonic::{Status, metadata::MetadataMap};
use tonic_types::{ErrorDetails, StatusExt};

use crate::criticality;

pub(crate) use code::code_of_http;
pub use spent::{Spent, Stage};

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
    #[error("the deadline passed before the call was over{spent}")]
    DeadlineExceeded {
        /// Who noticed first.
        side: Side,
        /// Where the time went.
        spent: Spent,
    },
    /// The server is stopping and ends a stream that it cannot finish.
    #[error("the server is stopping; call again elsewhere")]
    Draining,
    /// The caller went away while its request was being read.
    #[error("the caller is gone")]
    CallerGone,
    /// The caller did not make the rest of the request's stream.
    #[error("the request's stream broke off on this side")]
    RequestBroken,
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
    /// No endpoint could take a call before the deadline of whoever waited for one.
    #[error("no endpoint of {target} was ready in time: {cause}")]
    NotReady {
        /// The target, as it was configured.
        target: String,
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
    #[error("{path}: {} calls a second, {} at once{}, and no more", limit.per_second, limit.burst, for_one(*.key))]
    RateLimited {
        /// What was called.
        path: String,
        /// The field of the request whose values have limits of their own, if the call met such a limit. Its value is
        /// part of a message, and is told to nobody.
        key: Option<&'static str>,
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
    /// A message is larger than this end takes. gRPC: RESOURCE_EXHAUSTED.
    #[error("a message {} is larger than the limit of {limit} bytes", of_size(*.size))]
    MessageTooLarge {
        /// Who refused it.
        side: Side,
        /// Its size in bytes, as its prefix tells; `None` of one that would be too large once it is decompressed.
        size: Option<usize>,
        /// `max_request_bytes` or `max_response_bytes`.
        limit: usize,
    },
    /// Messages are compressed in a way that this end does not know. gRPC (grpc/doc/compression.md): UNIMPLEMENTED
    /// from a server, which says what it accepts; INTERNAL on a client.
    #[error("messages are compressed with {encoding}, which is not known here")]
    UnknownEncoding {
        /// Who does not know it.
        side: Side,
        /// What `grpc-encoding` says.
        encoding: String,
    },
    /// What came is no message.
    #[error("a message is broken: {cause}")]
    BrokenMessage {
        /// What is wrong with it.
        cause: &'static str,
    },
    /// A request that has begun does not go on, and has no deadline that would end it.
    #[error("no byte of a message that has begun came for {patience:?}")]
    RequestStalled {
        /// `ServerConfig::stall_timeout`.
        patience: Duration,
    },
    /// The answer is none of gRPC: a proxy's, or that of another kind of server.
    #[error("{endpoint} answered HTTP {http_status} and {content_type:?}, which is not gRPC")]
    NotGrpc {
        /// Who answered.
        endpoint: String,
        /// The HTTP status.
        http_status: StatusCode,
        /// `content-type`; empty if there was none.
        content_type: String,
    },
    /// The answer ended without saying how the call went.
    #[error("the answer of {endpoint} ended without a grpc-status")]
    NoStatus {
        /// Who answered.
        endpoint: String,
    },
}

/// How large a message is that is too large.
fn of_size(size: Option<usize>) -> String {
    size.map_or_else(|| "that is compressed".to_owned(), |size| format!("of {size} bytes"))
}

/// What a limit is for, if not for all that a caller asks of a method.
fn for_one(key: Option<&str>) -> String {
    key.map(|key| format!(" for one {key}")).unwrap_or_default()
}

impl MeshError {
    /// The error that the mesh made a status from, if it did in this process.
    pub(crate) fn of_status(status: &Status) -> Option<&Self> {
        status.source()?.downcast_ref()
    }
}

impl From<MeshError> for Status {
    fn from(error: MeshError) -> Self {
        let mut details = ErrorDetails::with_error_info(error.reason(), DOMAIN, error.metadata());
        let metadata = MetadataMap::from_headers(error.say_when(&mut details));
        let code = code::of_control(&error);
        let mut status = Self::with_error_details_and_metadata(code, error.to_string(), details, metadata);
        status.set_source(Arc::new(error));
        status
    }
}

#[cfg(test)]
mod tests;
