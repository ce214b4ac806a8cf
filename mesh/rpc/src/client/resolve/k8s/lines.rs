//! The lines of a body that never ends, each of which ends.

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::api::ApiError;

/// No event is longer: a slice has a hundred endpoints, a thousand at most.
const LONGEST: usize = 4 * 1024 * 1024;

/// The lines of a body.
pub(super) struct Lines<B = Incoming> {
    body: B,
    buffer: BytesMut,
    /// How much of `buffer` has no end of line.
    searched: usize,
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> Lines<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body, buffer: BytesMut::new(), searched: 0 }
    }

    /// The next line, without its end. What comes after the last end of line is none. Safe to cancel.
    ///
    /// # Errors
    /// When the connection breaks, or the line is too long.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            let fresh = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(end) = fresh.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + end + 1).freeze();
                self.searched = 0;
                return Ok(Some(line.slice(..line.len() - 1)));
            }
            self.searched = self.buffer.len();
            if self.searched > LONGEST {
                return Err(ApiError::TooLong(LONGEST));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(ApiError::Broken(error)),
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
            }
        }
    }
}
