//! Errors as answers of a server.

use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tonic::Status;

use super::MeshError;
use crate::message::{ACCEPTED, GRPC_ACCEPT_ENCODING};

impl MeshError {
    /// A response that is nothing but this error ("Trailers-Only").
    pub(crate) fn into_response<B: Default>(self) -> Response<B> {
        let http_status = match self {
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::MalformedTimeout => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        };
        // grpc/doc/compression.md: who says that it does not know an encoding says what it does know.
        let accepted = matches!(self, Self::UnknownEncoding { .. }).then_some(ACCEPTED);
        let mut response = Status::from(self).into_http();
        *response.status_mut() = http_status;
        if http_status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static("POST"));
        }
        if let Some(accepted) = accepted {
            response.headers_mut().insert(GRPC_ACCEPT_ENCODING, accepted);
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
}
