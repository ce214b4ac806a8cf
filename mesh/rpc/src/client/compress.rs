//! Compressed requests: before all attempts, which then send the same bytes, and after the key of a message has been
//! read.

use http::HeaderMap;
use tonic::body::Body;

use super::outgoing::{Message, Outgoing};
use crate::message::{ACCEPTED, CompressionConfig, GRPC_ACCEPT_ENCODING, GRPC_ENCODING, Outbound, Writer};

/// Says that the answer may be compressed, and how the request is. What its messages pass on their way out; `None`
/// when they stay as they are, as they do when the caller has compressed them itself.
pub(super) fn begin(headers: &mut HeaderMap, config: Option<CompressionConfig>) -> Option<Writer> {
    let config = config?;
    headers.entry(GRPC_ACCEPT_ENCODING).or_insert(ACCEPTED);
    let encoding = config.encoding?;
    if headers.contains_key(GRPC_ENCODING) {
        return None;
    }
    headers.insert(GRPC_ENCODING, encoding.header());
    Some(Writer::new(Some(encoding), config.min_bytes))
}

/// A message as it is sent.
pub(super) fn message(message: Message, writer: Option<Writer>) -> Message {
    match writer {
        Some(mut writer) => Message { bytes: writer.write(message.bytes), ..message },
        None => message,
    }
}

/// A stream as it is sent.
pub(super) fn stream(body: Outgoing, writer: Option<Writer>) -> Outgoing {
    match writer {
        Some(writer) => Outgoing::streamed(Body::new(Outbound::new(body, writer))),
        None => body,
    }
}
