//! A response as it comes from the network.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tonic::{Status, metadata::MetadataMap};

use super::endpoint::Place;
use crate::error::MeshError;

/// A response body whose errors tell the caller, as a gRPC status, what became of the connection.
#[derive(Debug)]
pub(super) struct Received {
    body: Incoming,
    /// The call's place on its endpoint, which is free for another call when the body is over.
    place: Option<Place>,
}

impl Received {
    pub(super) fn response(mut response: Response<Incoming>, place: Place) -> Response<Self> {
        drop_broken_details(response.headers_mut());
        response.map(|body| Self { body, place: Some(place) })
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
        if self.place.is_none() {
            return Poll::Ready(None);
        }
        let polled = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(match polled {
            Some(Ok(mut frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    drop_broken_details(trailers);
                    self.place = None;
                }
                Some(Ok(frame))
            }
            Some(Err(error)) => self
                .place
                .take()
                .map(|place| Err(MeshError::of_connection(&place.endpoint().authority, &error).into())),
            None => {
                self.place = None;
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
