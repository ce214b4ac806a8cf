//! The layer that holds calls back, and tells those that it sends what class they are.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{HeaderMap, Response};
use mesh_policy::Criticality;
use pin_project_lite::pin_project;
use tonic::{Code, Status};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    client::{
        received::code_of_head,
        retry::{Call, Shared},
    },
    criticality,
    error::MeshError,
    pushback::{self, PUSHBACK, RATE_LIMIT},
};

/// Gives each call the lowest of three classes: what its contract says, what the call is done for that this process
/// is handling, and what its caller has put into the header. Then holds back what a server would turn away.
#[derive(Clone, Debug)]
pub(in crate::client) struct AdaptiveThrottleLayer {
    shared: Arc<Shared>,
    target: Arc<str>,
}

impl AdaptiveThrottleLayer {
    pub(in crate::client) fn new(shared: Arc<Shared>, target: Arc<str>) -> Self {
        Self { shared, target }
    }
}

impl<S> Layer<S> for AdaptiveThrottleLayer {
    type Service = AdaptiveThrottle<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AdaptiveThrottle { inner, layer: self.clone() }
    }
}

#[derive(Clone, Debug)]
pub(in crate::client) struct AdaptiveThrottle<S> {
    inner: S,
    layer: AdaptiveThrottleLayer,
}

impl<S> AdaptiveThrottle<S> {
    /// The class of a call, which its header says if the contract does not say the same.
    fn classify(&self, call: &mut Call) -> Criticality {
        let methods = &self.layer.shared.methods;
        let promised =
            call.method.map_or(Criticality::Default, |method| methods.get(method).policy.criticality);
        let headers = call.request.headers_mut();
        let asked = criticality::said(headers).map_or(promised, |said| said.min(promised));
        let class = criticality::bounded(asked);
        if class != promised {
            headers.insert(criticality::HEADER, criticality::header(class));
        }
        class
    }
}

impl<S, R> Service<Call> for AdaptiveThrottle<S>
where
    S: Service<Call, Response = Response<R>, Error = Status>,
{
    type Response = Response<R>;
    type Error = Status;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut call: Call) -> Self::Future {
        let class = self.classify(&mut call);
        if self.layer.shared.admission.ask(class, call.since) {
            let shared = Arc::clone(&self.layer.shared);
            return ResponseFuture::Sent { inner: self.inner.call(call), shared, class };
        }
        ResponseFuture::HeldBack { target: Some(Arc::clone(&self.layer.target)) }
    }
}

pin_project! {
    /// The head of the answer.
    #[project = ResponseFutureProject]
    pub(in crate::client) enum ResponseFuture<F> {
        Sent { #[pin] inner: F, shared: Arc<Shared>, class: Criticality },
        HeldBack { target: Option<Arc<str>> },
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, Status>>,
{
    type Output = Result<Response<R>, Status>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            ResponseFutureProject::Sent { inner, shared, class } => {
                let result = ready!(inner.poll(cx));
                if is_overload(&result) {
                    shared.admission.refused(*class);
                }
                Poll::Ready(result)
            }
            ResponseFutureProject::HeldBack { target } => {
                let Some(target) = target.take() else { return Poll::Pending };
                // What is too much for this caller is too much for its own caller as well.
                pushback::hear();
                Poll::Ready(Err(MeshError::ClientThrottled { target: target.to_string() }.into()))
            }
        }
    }
}

/// Whether a server turned the call away because it, or whoever it needs, has too much to do.
fn is_overload<B>(result: &Result<Response<B>, Status>) -> bool {
    let (code, headers) = match result {
        Ok(response) => (code_of_head(response), response.headers()),
        Err(status) => (Some(status.code()), status.metadata().as_ref()),
    };
    code == Some(Code::ResourceExhausted) && says_overload(headers)
}

fn says_overload(headers: &HeaderMap) -> bool {
    headers.contains_key(PUSHBACK) && !headers.contains_key(RATE_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&str, &str)]) -> bool {
        let mut response = Response::builder();
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        is_overload(&Ok(response.body(()).unwrap()))
    }

    #[test]
    fn only_an_exhausted_server_that_pushes_back_is_overloaded() {
        let (status, pushback) = (("grpc-status", "8"), ("grpc-retry-pushback-ms", "-1"));
        assert!(answer(&[status, pushback]));
        assert!(!answer(&[status]), "a quota of the service's own");
        assert!(!answer(&[("grpc-status", "14"), pushback]));
        assert!(!answer(&[pushback]));
        assert!(!answer(&[status, pushback, ("ratelimit", "\"caller\";r=0;t=1")]), "this caller alone");
        let mut passed_on = Status::resource_exhausted("by somebody further below");
        assert!(!is_overload::<()>(&Err(passed_on.clone())));
        passed_on.metadata_mut().insert("grpc-retry-pushback-ms", "-1".parse().unwrap());
        assert!(is_overload::<()>(&Err(passed_on)));
    }
}
