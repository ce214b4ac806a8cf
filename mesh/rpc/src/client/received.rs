//! A response as it comes from the network.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::uri::Authority;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tonic::Status;

use crate::error::MeshError;

/// A response body whose errors tell the caller, as a gRPC status, what became of the connection.
#[derive(Debug)]
pub(super) struct Received {
    body: Incoming,
    endpoint: Authority,
}

impl Received {
    pub(super) fn new(body: Incoming, endpoint: Authority) -> Self {
        Self { body, endpoint }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        polled.map_err(|error| MeshError::of_connection(&self.endpoint, &error).into())
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
