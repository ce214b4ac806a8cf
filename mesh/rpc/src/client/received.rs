//! A response as it comes from the network.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use tonic::{Code, Status, metadata::MetadataMap};

use super::balance::Place;
use crate::{
    error::{MeshError, Side, code_of_http},
    message::{Named, Reader, named},
    pushback::Pushback,
    wire::Incoming,
};

/// A response body whose errors tell the caller, as a gRPC status, what became of the connection.
#[derive(Debug)]
pub(super) struct Received {
    body: Incoming,
    /// The call's place on its endpoint, which is free for another call when the body is over.
    place: Option<Place>,
    reader: Reader,
    /// Whether the head has told how the call went.
    is_told: bool,
}

impl Received {
    /// # Errors
    /// When the answer is not gRPC, or no message of it could be read.
    pub(super) fn response(
        mut response: Response<Incoming>,
        mut place: Place,
    ) -> Result<Response<Self>, MeshError> {
        repair(response.headers_mut());
        let code = code_of_head(&response);
        if let Some(code) = code {
            place.finish(code, wait(response.headers()));
        }
        let is_told = response.headers().contains_key(Status::GRPC_STATUS);
        if !is_told && (code.is_some() || !is_grpc(response.headers())) {
            let error = not_grpc(&response, &place);
            place.finish(error.code(), wait(response.headers()));
            return Err(error);
        }
        let encoding = match named(response.headers_mut()) {
            Named::Identity => None,
            Named::Known(encoding) => Some(encoding),
            Named::Unknown(name) => {
                let encoding = String::from_utf8_lossy(name.as_bytes()).into_owned();
                return Err(MeshError::UnknownEncoding { side: Side::Client, encoding });
            }
        };
        let limit = place.endpoint().wires.config.max_response_bytes;
        let reader = Reader::new(Side::Client, limit, encoding);
        Ok(response.map(|body| Self { body, place: Some(place), reader, is_told }))
    }

    /// The answer is over, and nobody knows how the call went.
    fn without_status(&mut self) -> Status {
        let endpoint = self.place.take().map_or_else(String::new, |mut place| {
            place.finish(Code::Unknown, None);
            place.endpoint().authority.to_string()
        });
        MeshError::NoStatus { endpoint }.into()
    }

    /// Ends the body, and nothing is said against its endpoint.
    fn refuse(&mut self, error: MeshError) -> Status {
        if let Some(mut place) = self.place.take() {
            place.finish(Code::Ok, None);
        }
        error.into()
    }
}

/// Whether an answer says that it is one of gRPC.
fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

fn not_grpc<B>(response: &Response<B>, place: &Place) -> MeshError {
    let content_type = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    MeshError::NotGrpc {
        endpoint: place.endpoint().authority.to_string(),
        http_status: response.status(),
        content_type: String::from_utf8_lossy(content_type.unwrap_or_default()).into_owned(),
    }
}

/// The code of an answer that is nothing but a head ("Trailers-Only"), or that is no answer of gRPC at all
/// (grpc/doc/http-grpc-status-mapping.md).
pub(super) fn code_of_head<B>(response: &Response<B>) -> Option<Code> {
    if let Some(code) = code_of(response.headers()) {
        return Some(code);
    }
    (response.status() != StatusCode::OK).then(|| code_of_http(response.status()))
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

/// Repairs what tonic cannot read of a status, so that no peer makes a caller panic or lose a code.
pub(crate) fn repair(headers: &mut HeaderMap) {
    if headers.contains_key(Status::GRPC_STATUS) {
        drop_broken_details(headers);
        keep_broken_message(headers);
    }
}

/// Escapes a `grpc-message` that is no UTF-8 once it is decoded, so that the caller gets it as it came. tonic would
/// make the status UNKNOWN; "gRPC over HTTP/2" (Status-Message): "implementations MUST NOT error or throw away the
/// message".
fn keep_broken_message(headers: &mut HeaderMap) {
    let Some(message) = headers.get(Status::GRPC_MESSAGE) else { return };
    if is_text(message.as_bytes()) {
        return;
    }
    let mut escaped = String::with_capacity(message.len() * 3);
    for byte in message.as_bytes() {
        match byte {
            b'%' => escaped.push_str("%25"),
            0x20..=0x7e => escaped.push(char::from(*byte)),
            _ => escaped.push('?'),
        }
    }
    if let Ok(escaped) = HeaderValue::try_from(escaped) {
        headers.insert(Status::GRPC_MESSAGE, escaped);
    }
}

/// Whether bytes are UTF-8 once every `%xx` is decoded.
fn is_text(bytes: &[u8]) -> bool {
    if !bytes.contains(&b'%') {
        return std::str::from_utf8(bytes).is_ok();
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, next)) = rest.split_first() {
        let hex = next.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex
            .filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &next[2..] } else { next };
    }
    std::str::from_utf8(&decoded).is_ok()
}

/// Drops `grpc-status-details-bin` if it is not base64: tonic would panic when it reads it. Code and message stay.
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
        loop {
            let Some(place) = &mut this.place else { return Poll::Ready(None) };
            let mut frame = match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                // The answer was complete before its stream was reset.
                Some(Err(_)) if this.is_told => return Poll::Ready(None),
                Some(Err(error)) => {
                    let error = MeshError::of_connection(&place.endpoint().authority, &error);
                    place.failed(&error);
                    this.place = None;
                    return Poll::Ready(Some(Err(error.into())));
                }
                None if this.is_told => {
                    this.place = None;
                    return Poll::Ready(None);
                }
                None => return Poll::Ready(Some(Err(this.without_status()))),
            };
            if let Some(trailers) = frame.trailers_mut() {
                if !this.is_told && !trailers.contains_key(Status::GRPC_STATUS) {
                    return Poll::Ready(Some(Err(this.without_status())));
                }
                repair(trailers);
                place.finish(code_of(trailers).unwrap_or(Code::Unknown), wait(trailers));
                this.place = None;
                return Poll::Ready(Some(Ok(frame)));
            }
            place.heard();
            let Ok(data) = frame.into_data() else { continue };
            match this.reader.read(data) {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Err(error) => return Poll::Ready(Some(Err(this.refuse(error)))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // An answer that has not told how the call went is not over, whatever HTTP/2 says.
        self.place.is_none() || self.is_told && self.body.is_end_stream()
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
        fn no_message_changes_the_code(message in proptest::collection::vec(any::<u8>(), 0..16)) {
            if let Ok(message) = HeaderValue::from_bytes(&message) {
                let code = (Status::GRPC_STATUS, HeaderValue::from_static("5"));
                let mut headers = HeaderMap::from_iter([code, (Status::GRPC_MESSAGE, message)]);
                repair(&mut headers);
                prop_assert_eq!(Status::from_header_map(&headers).unwrap().code(), tonic::Code::NotFound);
            }
        }

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
