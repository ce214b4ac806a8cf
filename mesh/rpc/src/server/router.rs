//! The innermost service: who answers which path.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::future::Either;
use http::{Request, Response};
use tonic::{Status, body::Body, codegen::BoxFuture};
use tower_service::Service;

use crate::error::MeshError;

/// What every server that tonic generates is, without its type.
trait Route: Send + Sync {
    fn call(&self, request: Request<Body>) -> BoxFuture<Response<Body>, Infallible>;
}

impl<S> Route for S
where
    S: Service<
            Request<Body>,
            Response = Response<Body>,
            Error = Infallible,
            Future = BoxFuture<Response<Body>, Infallible>,
        > + Clone
        + Send
        + Sync,
{
    fn call(&self, request: Request<Body>) -> BoxFuture<Response<Body>, Infallible> {
        // Generated servers are always ready, and are made to be cloned for each call.
        Service::call(&mut self.clone(), request)
    }
}

/// The services of one server by their full names. Names are static and lookups borrow: nothing is allocated
/// to find a service.
#[derive(Default)]
pub(crate) struct Routes(HashMap<&'static str, Box<dyn Route>>);

impl Routes {
    /// Adds a service; false if there is one of that name.
    pub(crate) fn add<S>(&mut self, name: &'static str, service: S) -> bool
    where
        S: Service<
                Request<Body>,
                Response = Response<Body>,
                Error = Infallible,
                Future = BoxFuture<Response<Body>, Infallible>,
            > + Clone
            + Send
            + Sync
            + 'static,
    {
        self.0.insert(name, Box::new(service)).is_none()
    }

    /// The names of all services, sorted.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.0.keys().copied().collect();
        names.sort_unstable();
        names
    }
}

/// Hands each request to the service that its path names.
#[derive(Clone)]
pub(crate) struct Router(Arc<Routes>);

impl Router {
    pub(crate) fn new(routes: Arc<Routes>) -> Self {
        Self(routes)
    }
}

impl<B> Service<Request<B>> for Router
where
    B: http_body::Body<Data = Bytes, Error = Status> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<BoxFuture<Response<Body>, Infallible>, Ready<Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let name = service_name(request.uri().path());
        match self.0.0.get(name) {
            Some(route) => Either::Left(route.call(request.map(Body::new))),
            None => {
                let unknown = MeshError::UnknownService { service: name.to_owned() };
                Either::Right(ready(Ok(unknown.into_response())))
            }
        }
    }
}

/// `user.v1.UserService` of `/user.v1.UserService/GetUser`; empty if the path is no path of gRPC.
fn service_name(path: &str) -> &str {
    path.strip_prefix('/').and_then(|path| path.split_once('/')).map_or("", |(service, _)| service)
}

#[cfg(test)]
mod tests {
    use super::service_name;

    #[test]
    fn the_first_part_of_a_path_names_the_service() {
        assert_eq!(service_name("/user.v1.UserService/GetUser"), "user.v1.UserService");
        for wrong in ["", "/", "*", "/user.v1.UserService", "user.v1.UserService/GetUser"] {
            assert_eq!(service_name(wrong), "", "{wrong:?}");
        }
    }
}
