//! What became of an attempt.

use std::net::SocketAddr;

use http::Response;
use tonic::{Code, Status};

use crate::{bug::Bug, client::received::code_of_head, error::MeshError, pushback::Pushback};

/// An attempt that came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) struct Failure {
    pub(in crate::client) code: Code,
    pub(in crate::client) pushback: Pushback,
    /// No handler has seen it, for certain.
    pub(in crate::client) unprocessed: bool,
    /// A handler may have seen it, and done what it asks for.
    pub(in crate::client) sent: bool,
    /// Another attempt would be refused for the same reason, by this process: what is over a limit here.
    pub(in crate::client) dropped: bool,
}

impl Failure {
    /// How an attempt failed. `None`: headers came, and whatever follows is for the caller.
    pub(in crate::client) fn of<B>(result: &Result<Response<B>, Status>) -> Option<Self> {
        match result {
            Ok(response) => {
                let code = code_of_head(response).filter(|code| *code != Code::Ok)?;
                let pushback = Pushback::of(response.headers());
                Some(Self { code, pushback, unprocessed: false, sent: true, dropped: false })
            }
            Err(status) => {
                let cause = MeshError::of_status(status);
                let unprocessed = cause.is_some_and(MeshError::is_unprocessed);
                Some(Self {
                    code: status.code(),
                    pushback: Pushback::of(status.metadata().as_ref()),
                    unprocessed,
                    sent: !unprocessed && !cause.is_some_and(MeshError::is_unsent),
                    dropped: cause.is_some_and(MeshError::is_drop),
                })
            }
        }
    }
}

impl Failure {
    /// A seeded bug: headers are no commitment.
    pub(super) fn after_commit() -> Option<Self> {
        Bug::RetryAfterCommit.is_here().then_some(Self {
            code: Code::Unavailable,
            pushback: Pushback::Unsaid,
            unprocessed: false,
            sent: true,
            dropped: false,
        })
    }
}

/// The status of an attempt that failed, without what its connection holds for it.
pub(super) fn status_of<B>(failed: Result<Response<B>, Status>, endpoint: Option<SocketAddr>) -> Status {
    match failed {
        Err(status) => status,
        Ok(response) => Status::from_header_map(response.headers()).unwrap_or_else(|| {
            // A proxy between here and the server: what it did with the call, nobody knows.
            let endpoint = endpoint.map_or_else(String::new, |address| address.to_string());
            let http_status = response.status();
            MeshError::NotGrpc { endpoint, http_status, content_type: String::new() }.into()
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn response(status: u16, headers: &[(&str, &str)]) -> Result<Response<()>, Status> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        Ok(response.body(()).unwrap())
    }

    fn code(result: &Result<Response<()>, Status>) -> Option<Code> {
        Failure::of(result).map(|failure| failure.code)
    }

    #[test]
    fn headers_commit_and_a_status_alone_does_not() {
        assert_eq!(code(&response(200, &[])), None);
        assert_eq!(code(&response(200, &[("grpc-status", "0")])), None);
        assert_eq!(code(&response(200, &[("grpc-status", "14")])), Some(Code::Unavailable));
        assert_eq!(code(&response(503, &[])), Some(Code::Unavailable));
        assert_eq!(code(&response(500, &[])), Some(Code::Unknown));
    }

    #[test]
    fn pushback_is_read_wherever_a_status_comes_from() {
        let answer = response(200, &[("grpc-status", "8"), ("grpc-retry-pushback-ms", "30")]);
        let wait = Pushback::After(Duration::from_millis(30));
        assert_eq!(Failure::of(&answer).unwrap().pushback, wait);
        let mut status = Status::unavailable("made below");
        status.metadata_mut().insert("grpc-retry-pushback-ms", "30".parse().unwrap());
        assert_eq!(Failure::of::<()>(&Err(status)).unwrap().pushback, wait);
    }

    #[test]
    fn what_no_handler_has_seen_is_told_apart() {
        let unprocessed = |error: MeshError| Failure::of::<()>(&Err(error.into())).unwrap().unprocessed;
        assert!(unprocessed(MeshError::StreamReset { reason: h2::Reason::REFUSED_STREAM }));
        assert!(unprocessed(MeshError::GoneAway { endpoint: "h:1".to_owned() }));
        assert!(!unprocessed(MeshError::StreamReset { reason: h2::Reason::CANCEL }));
        let lost = MeshError::ConnectionLost { endpoint: "h:1".to_owned(), cause: "reset".to_owned() };
        assert!(!unprocessed(lost), "the handler may be at work");
    }

    #[test]
    fn what_may_have_been_done_is_told_apart_from_what_never_left() {
        let sent = |result: Result<Response<()>, Status>| Failure::of(&result).unwrap().sent;
        let endpoint = || "h:1".to_owned();
        let cause = || "refused".to_owned();
        assert!(sent(response(200, &[("grpc-status", "14")])));
        assert!(sent(response(504, &[])));
        assert!(sent(Err(MeshError::ConnectionLost { endpoint: endpoint(), cause: cause() }.into())));
        for unsent in [
            MeshError::ConnectFailed { endpoint: endpoint(), cause: cause() },
            MeshError::NoEndpoint { target: endpoint(), cause: cause() },
            MeshError::GoneAway { endpoint: endpoint() },
            MeshError::QueueFull { limit: 1 },
            MeshError::StreamReset { reason: h2::Reason::REFUSED_STREAM },
        ] {
            assert!(!sent(Err(unsent.clone().into())), "{unsent}");
        }
    }

    #[test]
    fn a_failure_is_the_same_without_its_connection() {
        let answered = response(200, &[("grpc-status", "8"), ("grpc-message", "full")]);
        let status = status_of(answered, None);
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "full"));
        let status = status_of(response(502, &[]), Some(([10, 0, 0, 1], 1).into()));
        assert_eq!(status.message(), "10.0.0.1:1 answered HTTP 502 Bad Gateway and \"\", which is not gRPC");
    }
}
