//! The layer that limits calls by the key of their message.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http::Request;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::Status;
use tower_layer::Layer;
use tower_service::Service;

use super::{Limits, limits::Keyed};
use crate::{error::MeshError, message::split};

/// Refuses a call when its caller has asked too often with the key of its message: as soon as the message is whole,
/// before it is decoded.
#[derive(Clone, Debug)]
pub(crate) struct KeyRateLimitLayer {
    limits: Arc<Limits>,
}

impl KeyRateLimitLayer {
    pub(crate) fn new(limits: Arc<Limits>) -> Self {
        Self { limits }
    }
}

impl<S> Layer<S> for KeyRateLimitLayer {
    type Service = KeyRateLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyRateLimit { inner, limits: Arc::clone(&self.limits) }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct KeyRateLimit<S> {
    inner: S,
    limits: Arc<Limits>,
}

impl<S, B> Service<Request<B>> for KeyRateLimit<S>
where
    S: Service<Request<LimitedBody<B>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        let toll = self.limits.keyed(&request).map(|call| Toll {
            limits: Arc::clone(&self.limits),
            call,
            begun: BytesMut::new(),
        });
        self.inner.call(request.map(|inner| LimitedBody { inner, toll, is_over: false }))
    }
}

/// What is due before a message may pass.
#[derive(Debug)]
struct Toll {
    limits: Arc<Limits>,
    call: Keyed,
    /// What has come of a message that did not come whole; no larger than the layer above lets a message be.
    begun: BytesMut,
}

impl Toll {
    /// What may pass, once the message is whole; or why it may not.
    fn add(&mut self, data: Bytes) -> Option<Result<Bytes, MeshError>> {
        // Most messages come whole, and are not copied.
        let data = if self.begun.is_empty() && split(&data).is_some() {
            data
        } else {
            self.begun.extend_from_slice(&data);
            split(&self.begun)?;
            self.begun.split().freeze()
        };
        let (_, message, _) = split(&data)?;
        Some(self.limits.take_key(self.call, message).map(|()| data))
    }
}

pin_project! {
    /// The body of a request whose first message must pay. Bodies of other calls pass as they are.
    ///
    /// A value may be said twice in a message, and the last one counts: so a message that comes in parts is held back
    /// until it is whole. The codec would hold it as long.
    #[derive(Debug)]
    pub(crate) struct LimitedBody<B> {
        #[pin]
        inner: B,
        toll: Option<Toll>,
        is_over: bool,
    }
}

impl<B: Body<Data = Bytes, Error = Status>> Body for LimitedBody<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut this = self.project();
        loop {
            if *this.is_over {
                return Poll::Ready(None);
            }
            let frame = ready!(this.inner.as_mut().poll_frame(cx));
            let Some(toll) = this.toll else { return Poll::Ready(frame) };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => {
                    let Some(paid) = toll.add(data) else { continue };
                    (*this.toll, *this.is_over) = (None, paid.is_err());
                    return Poll::Ready(Some(paid.map(Frame::data).map_err(Status::from)));
                }
                Some(Err(status)) => return Poll::Ready(Some(Err(status))),
                // The end; trailers are one too. Of a message that is not whole the codec gets what came, and says
                // itself what is wrong with it.
                Some(Ok(Err(_))) | None => {
                    let begun = toll.begun.split().freeze();
                    (*this.toll, *this.is_over) = (None, true);
                    return Poll::Ready((!begun.is_empty()).then(|| Ok(Frame::data(begun))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let holds = self.toll.as_ref().is_some_and(|toll| !toll.begun.is_empty());
        self.is_over || (!holds && self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        // What is held back has left the inner body already.
        if self.toll.is_none() && !self.is_over { self.inner.size_hint() } else { SizeHint::default() }
    }
}

#[cfg(test)]
mod tests;
