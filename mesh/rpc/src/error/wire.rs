//! Errors of HTTP/2.

use http::uri::Authority;
use mesh_telemetry::chain;

use super::MeshError;

impl MeshError {
    /// What an error of a client's connection means for the call that met it.
    pub(crate) fn of_connection(endpoint: &Authority, error: &h2::Error) -> Self {
        if is_gone_away(error) {
            return Self::GoneAway { endpoint: endpoint.to_string() };
        }
        if error.is_reset() && !error.is_remote() && !error.is_library() {
            // By ourselves, of a call that somebody waits for: its body failed.
            return Self::RequestBroken;
        }
        match stream_reset(error) {
            Some(reason) => Self::StreamReset { reason },
            // Everything that is not about this stream alone is about the connection: closed, timed out,
            // GOAWAY, a protocol error. gRPC: UNAVAILABLE.
            None => Self::ConnectionLost { endpoint: endpoint.to_string(), cause: chain(error).to_string() },
        }
    }

    /// What an error means that a server meets while it reads a request.
    pub(crate) fn of_request(error: &h2::Error) -> Self {
        match stream_reset(error) {
            Some(reason) => Self::StreamReset { reason },
            None => Self::CallerGone,
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
