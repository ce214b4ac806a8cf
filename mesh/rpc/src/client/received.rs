//! A response as it comes from the network.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tonic::{Code, Status, metadata::MetadataMap};

use super::balance::Place;
use crate::{error::MeshError, pushback::Pushback, wire::Incoming};

/// A response body whose errors tell the caller, as a gRPC status, what became of the connection.
#[derive(Debug)]
pub(super) struct Received {
    body: Incoming,
    /// The call's place on its endpoint, which is free for another call when the body is over.
    place: Option<Place>,
}

impl Received {
    pub(super) fn response(mut response: Response<Incoming>, mut place: Place) -> Response<Self> {
        drop_broken_details(response.headers_mut());
        if let Some(code) = code_of_head(&response) {
            place.finish(code, wait(response.headers()));
        }
        response.map(|body| Self { body, place: Some(place) })
    }
}

/// The code of an answer that is nothing but a head ("Trailers-Only"), or that is no answer of gRPC at all
/// (grpc/doc/http-grpc-status-mapping.md).
pub(super) fn code_of_head<B>(response: &Response<B>) -> Option<Code> {
    if let Some(code) = code_of(response.headers()) {
        return Some(code);
    }
    match response.status() {
        StatusCode::OK => None,
        StatusCode::BAD_REQUEST => Some(Code::Internal),
        StatusCode::UNAUTHORIZED => Some(Code::Unauthenticated),
        StatusCode::FORBIDDEN => Some(Code::PermissionDenied),
        StatusCode::NOT_FOUND => Some(Code::Unimplemented),
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Some(Code::Unavailable),
        _ => Some(Code::Unknown),
    }
}

fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()))
}

/// What the server asks to wait before it is asked again.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    match Pushback::of(headers) {
        Pushback::After(wait) => Some(wait),
        Pushback::Unsaid | Pushback::Never => None,
    }
}

/// Drops `grpc-status-details-bin` if it is not base64: tonic would panic when it reads it, and no peer may make
/// a caller panic. Code and message stay.
fn drop_broken_details(headers: &mut HeaderMap) {
    let Some(details) = headers.get(Status::GRPC_STATUS_DETAILS) else { return };
    let alone = HeaderMap::from_iter([(Status::GRPC_STATUS_DETAILS, details.clone())]);
    let alone = MetadataMap::from_headers(alone);
    let sound =
        alone.get_bin(Status::GRPC_STATUS_DETAILS.as_str()).is_some_and(|value| value.to_bytes().is_ok());
    if !sound {
        headers.remove(Status::GRPC_STATUS_DETAILS);
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(place) = &mut this.place else { return Poll::Ready(None) };
        let polled = ready!(Pin::new(&mut this.body).poll_frame(cx));
        Poll::Ready(match polled {
            Some(Ok(mut frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    drop_broken_details(trailers);
                    place.finish(code_of(trailers).unwrap_or(Code::Unknown), wait(trailers));
                    this.place = None;
                } else {
                    place.heard();
                }
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                let error = MeshError::of_connection(&place.endpoint().authority, &error);
                place.failed(&error);
                this.place = None;
                Some(Err(error.into()))
            }
            None => {
                // An answer that ends without a code, unless its head had one.
                place.finish(Code::Unknown, None);
                this.place = None;
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(details: &[u8]) -> Option<HeaderMap> {
        let details = HeaderValue::from_bytes(details).ok()?;
        let code = (Status::GRPC_STATUS, HeaderValue::from_static("5"));
        Some(HeaderMap::from_iter([code, (Status::GRPC_STATUS_DETAILS, details)]))
    }

    #[test]
    fn sound_details_stay() {
        for sound in ["", "CAUSAA", "CAUSAA=="] {
            let mut headers = headers(sound.as_bytes()).unwrap();
            drop_broken_details(&mut headers);
            assert!(headers.contains_key(Status::GRPC_STATUS_DETAILS), "{sound:?}");
        }
    }

    proptest! {
        #[test]
        fn no_details_make_the_status_panic(details in proptest::collection::vec(any::<u8>(), 0..16)) {
            if let Some(mut headers) = headers(&details) {
                drop_broken_details(&mut headers);
                prop_assert_eq!(Status::from_header_map(&headers).unwrap().code(), tonic::Code::NotFound);
            }
        }

        #[test]
        fn no_text_makes_the_status_panic(details in "[A-Za-z0-9+/=]{0,9}") {
            let mut headers = headers(details.as_bytes()).unwrap();
            drop_broken_details(&mut headers);
            prop_assert_eq!(Status::from_header_map(&headers).unwrap().code(), tonic::Code::NotFound);
        }
    }
}
