//! Compressed requests.

use http::Request;
use tonic::body::Body;

use crate::message::{ACCEPTED, CompressionConfig, GRPC_ACCEPT_ENCODING, GRPC_ENCODING, Outbound, Writer};

/// Says that the answer may be compressed, and compresses the request as `config` says. Before all attempts, which
/// then send the same bytes.
pub(super) fn outgoing(mut request: Request<Body>, config: CompressionConfig) -> Request<Body> {
    let headers = request.headers_mut();
    headers.entry(GRPC_ACCEPT_ENCODING).or_insert(ACCEPTED);
    let Some(encoding) = config.encoding else { return request };
    if headers.contains_key(GRPC_ENCODING) {
        // The caller has compressed it.
        return request;
    }
    headers.insert(GRPC_ENCODING, encoding.header());
    request.map(|body| Body::new(Outbound::new(body, Writer::new(Some(encoding), config.min_bytes))))
}
