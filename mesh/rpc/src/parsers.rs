//! What reads bytes of the wire, without a wire: for the fuzz tests. Each takes any bytes, and must not panic.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use mesh_policy::MessageField;
use tonic::Status;

use crate::{
    client,
    error::Side,
    grpc_timeout,
    message::{Encoding, GRPC_ACCEPT_ENCODING, GRPC_ENCODING, Named, Reader, Writer, accepted, named},
    message_key,
    pushback::{PUSHBACK, Pushback},
    trace,
};

/// `grpc-timeout`: what it says, and how that is written.
pub fn timeout(bytes: &[u8]) -> Option<(Duration, HeaderValue)> {
    let timeout = grpc_timeout::parse(&HeaderValue::from_bytes(bytes).ok()?)?;
    Some((timeout, grpc_timeout::encode(timeout)))
}

/// `grpc-retry-pushback-ms`, said once for each value: the wait, or `None` for never; nothing if nothing is said.
pub fn pushback(values: &[&[u8]]) -> Option<Option<Duration>> {
    match Pushback::of(&headers(&PUSHBACK, values)) {
        Pushback::Unsaid => None,
        Pushback::Never => Some(None),
        Pushback::After(wait) => Some(Some(wait)),
    }
}

/// `traceparent`: the header that is sent on, if that was one.
pub fn traceparent(bytes: &[u8]) -> Option<HeaderValue> {
    trace::sent(&headers(&trace::HEADER, &[bytes])).map(|trace| trace::header(&trace.child()))
}

/// `grpc-encoding` and `grpc-accept-encoding`: whether the first names an encoding that is known, and what of the
/// second would be used.
pub fn encodings(name: &[u8], accepts: &[u8]) -> (bool, Option<Encoding>) {
    let known = !matches!(named(&mut headers(&GRPC_ENCODING, &[name])), Named::Unknown(_));
    (known, accepted(&headers(&GRPC_ACCEPT_ENCODING, &[accepts]), Encoding::Zstd))
}

/// The status in trailers, as a caller gets it.
pub fn status(code: &[u8], message: &[u8], details: &[u8]) -> Option<Status> {
    let pairs = [
        (Status::GRPC_STATUS, code),
        (Status::GRPC_MESSAGE, message),
        (Status::GRPC_STATUS_DETAILS, details),
    ];
    let pair = |(name, value): (HeaderName, &[u8])| Some((name, HeaderValue::from_bytes(value).ok()?));
    let mut trailers: HeaderMap = pairs.into_iter().filter_map(pair).collect();
    client::repair(&mut trailers);
    Status::from_header_map(&trailers)
}

/// The messages of a body that comes in pieces: what the codec gets, or whether they are none.
pub fn messages(encoding: Option<Encoding>, limit: usize, pieces: &[&[u8]]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(Side::Server, limit, encoding);
    let mut read = Vec::new();
    for piece in pieces {
        read.extend_from_slice(&reader.read(Bytes::copy_from_slice(piece)).ok()?);
    }
    reader.end().ok()?;
    Some(read)
}

/// Messages as they are sent.
pub fn compressed(encoding: Encoding, min_bytes: usize, messages: &[u8]) -> Bytes {
    Writer::new(Some(encoding), min_bytes).write(Bytes::copy_from_slice(messages))
}

/// The key of the message that a frame is, prefix and all, by a field that a contract calls its `hash_key`.
pub fn message_key(frame: &[u8], field: &MessageField) -> Option<u64> {
    message_key::of_frame(frame, field)
}

/// The same of a message that its caller has compressed.
pub fn packed_message_key(frame: &[u8], encoding: Encoding, field: &MessageField) -> Option<u64> {
    message_key::of_packed(frame, &headers(&GRPC_ENCODING, &[encoding.name().as_bytes()]), field)
}

/// What the API server of Kubernetes says to a list of EndpointSlices, and then to a watch, in pieces: the endpoints at
/// a port.
#[cfg(feature = "k8s")]
pub fn endpoint_slices(list: &[u8], watch: &[&[u8]], port: &str) -> Vec<String> {
    client::k8s_endpoints(list, watch, port)
}

/// A header with each value that can be one.
fn headers(name: &HeaderName, values: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values.iter().filter_map(|value| HeaderValue::from_bytes(value).ok()) {
        headers.append(name.clone(), value);
    }
    headers
}
