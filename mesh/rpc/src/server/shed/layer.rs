//! The layer that turns calls away, and tells those that it lets in what class they are.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use mesh_policy::{Criticality, PolicyTable};
use pin_project_lite::pin_project;
use tonic::Status;
use tower_layer::Layer;
use tower_service::Service;

use super::{limiter::Limiter, permit::Permit, refusals::Refusals};
use crate::criticality::{self, enter};

/// Turns away what is too much, the lowest class first. Health and reflection pass: who asks how a server is must
/// hear it just when it has too much to do.
#[derive(Clone, Debug)]
pub(crate) struct LoadShedLayer {
    policies: PolicyTable,
    limiter: Arc<Limiter>,
    refusals: Arc<Refusals>,
}

impl LoadShedLayer {
    pub(crate) fn new(policies: PolicyTable, limiter: Arc<Limiter>) -> Self {
        Self { policies, limiter, refusals: Arc::new(Refusals::new()) }
    }

    fn admit<B>(&self, request: &Request<B>) -> Judged {
        let path = request.uri().path();
        if is_exempt(path) {
            return Judged::In { class: Criticality::Critical, permit: None, is_endless: false };
        }
        let (method, policy) = self.policies.find(path).unzip();
        let promised = policy.map_or(Criticality::Default, |policy| policy.criticality);
        // Read only where it can change something: a caller can lower its class, and not raise it.
        let said =
            if promised == Criticality::Sheddable { None } else { criticality::said(request.headers()) };
        let class = said.map_or(promised, |said| said.min(promised));
        match self.limiter.admit(class) {
            Ok(admitted) => {
                let streams = policy.is_some_and(|policy| policy.client_streaming || policy.server_streaming);
                // What nobody has described may be a stream: its time would say nothing.
                let permit = Permit::new(Arc::clone(&self.limiter), admitted, method.filter(|_| !streams));
                let is_endless = streams && policy.is_some_and(|policy| policy.deadline.is_none());
                Judged::In { class, permit: Some(permit), is_endless }
            }
            Err(overload) => Judged::Out(self.refusals.answer(class, overload)),
        }
    }
}

/// What becomes of a call.
enum Judged {
    In { class: Criticality, permit: Option<Permit>, is_endless: bool },
    Out(Response<()>),
}

/// The services of every server that are about the server itself.
fn is_exempt(path: &str) -> bool {
    path.strip_prefix("/grpc.")
        .is_some_and(|rest| rest.starts_with("health.") || rest.starts_with("reflection."))
}

impl<S> Layer<S> for LoadShedLayer {
    type Service = LoadShed<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LoadShed { inner, layer: self.clone() }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct LoadShed<S> {
    inner: S,
    layer: LoadShedLayer,
}

impl<S, B, R> Service<Request<B>> for LoadShed<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
{
    type Response = Response<HeldBody<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    /// Judges at once, when the head has been read: calls that have come and wait for their turn count.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.layer.admit(&request) {
            Judged::In { class, permit, is_endless } => {
                let inner = enter(class, || self.inner.call(request));
                ResponseFuture::Handled { inner, class, permit, is_endless }
            }
            Judged::Out(answer) => ResponseFuture::TurnedAway { answer: Some(answer) },
        }
    }
}

pin_project! {
    /// The head of an answer.
    #[project = ResponseFutureProject]
    pub(crate) enum ResponseFuture<F> {
        Handled { #[pin] inner: F, class: Criticality, permit: Option<Permit>, is_endless: bool },
        TurnedAway { answer: Option<Response<()>> },
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<HeldBody<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            ResponseFutureProject::Handled { inner, class, permit, is_endless } => {
                let response = ready!(enter(*class, || inner.poll(cx)))?;
                let mut permit = permit.take();
                if let Some(permit) = &mut permit {
                    permit.answered(!is_failure(response.headers()));
                }
                // A subscription waits for something to happen, and is no work meanwhile.
                let permit = permit.filter(|_| !*is_endless);
                let class = *class;
                Poll::Ready(Ok(response.map(|inner| HeldBody { inner: Some(inner), class, permit })))
            }
            ResponseFutureProject::TurnedAway { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer.map(|()| HeldBody::default()))),
                None => Poll::Pending,
            },
        }
    }
}

/// Whether the head is the whole answer, and no good one.
fn is_failure(headers: &HeaderMap) -> bool {
    headers.get(Status::GRPC_STATUS).is_some_and(|code| code != "0")
}

pin_project! {
    /// A body that holds its call's place until it is over, and that is read as a part of the call: a stream that
    /// calls further services passes its class on.
    #[derive(Debug)]
    pub(crate) struct HeldBody<B> {
        #[pin]
        inner: Option<B>,
        class: Criticality,
        permit: Option<Permit>,
    }
}

impl<B> Default for HeldBody<B> {
    /// An empty body.
    fn default() -> Self {
        Self { inner: None, class: Criticality::Critical, permit: None }
    }
}

impl<B: Body<Data = Bytes, Error = Status>> Body for HeldBody<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
        match this.inner.as_pin_mut() {
            Some(inner) => enter(*this.class, || inner.poll_frame(cx)),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_health_and_reflection_pass() {
        for exempt in [
            "/grpc.health.v1.Health/Check",
            "/grpc.health.v1.Health/Watch",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ] {
            assert!(is_exempt(exempt), "{exempt}");
        }
        for other in
            ["/user.v1.UserService/GetUser", "/grpc.testing.Test/Call", "/", "/grpc", "grpc.health.v1"]
        {
            assert!(!is_exempt(other), "{other}");
        }
    }
}
