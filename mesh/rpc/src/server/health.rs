//! The gRPC health checking protocol (grpc/doc/health-checking.md), with Watch.
//!
//! Over the messages of tonic-health, but not its service: that one answers NOT_FOUND to a watch on an unknown
//! service, where the protocol wants SERVICE_UNKNOWN and an open stream, and it cannot stop for good.

use std::{
    collections::BTreeMap,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::Notify;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server,
};

use crate::error::MeshError;

/// Says which services of a server are serving, to load balancers and to whoever waits for them.
///
/// Every service of the server has a status of its own, and the empty name `""` stands for the whole server.
/// All of them serve from the start; once the server drains, none does and nothing brings them back.
#[derive(Clone, Debug)]
pub struct Health(Arc<BTreeMap<&'static str, Arc<Told>>>);

/// What is told of a service, and to whom. (`tokio::sync::watch` wakes its receivers in an order of its own, another
/// one every time; here it is the order in which they came, and a simulation can be told again.)
#[derive(Debug)]
struct Told {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    serving: bool,
    stopped: bool,
}

impl Told {
    fn serving() -> Arc<Self> {
        let state = Mutex::new(State { serving: true, stopped: false });
        Arc::new(Self { state, changed: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is something else than `last`.
    async fn after(&self, last: Option<ServingStatus>) -> ServingStatus {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let status = status_of(*self.lock());
            if last != Some(status) {
                return status;
            }
            changed.await;
        }
    }
}

impl Health {
    pub(crate) fn new(services: impl IntoIterator<Item = &'static str>) -> Self {
        Self(Arc::new(services.into_iter().chain([""]).map(|name| (name, Told::serving())).collect()))
    }

    /// Reports that `service`, or for `""` the whole server, can take calls. Of no effect on a service that the
    /// server does not have, and once it drains.
    pub fn set_serving(&self, service: &str) {
        self.set(service, true);
    }

    /// Reports that `service`, or for `""` the whole server, cannot take calls. The server still hands them on.
    pub fn set_not_serving(&self, service: &str) {
        self.set(service, false);
    }

    fn set(&self, service: &str, serving: bool) {
        if let Some(told) = self.0.get(service) {
            let mut state = told.lock();
            state.serving = serving && !state.stopped;
            drop(state);
            told.changed.notify_waiters();
        }
    }

    /// Nothing serves any more, for good. Watchers are told.
    pub(crate) fn stop(&self) {
        for told in self.0.values() {
            *told.lock() = State { serving: false, stopped: true };
            told.changed.notify_waiters();
        }
    }

    pub(crate) fn service(&self) -> health_server::HealthServer<Self> {
        health_server::HealthServer::new(self.clone())
    }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

fn status_of(state: State) -> ServingStatus {
    if state.serving { ServingStatus::Serving } else { ServingStatus::NotServing }
}

#[tonic::async_trait]
impl health_server::Health for Health {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        match self.0.get(service.as_str()) {
            Some(told) => Ok(Response::new(answer(status_of(*told.lock())))),
            None => Err(MeshError::UnknownHealth { service }.into()),
        }
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let states: Self::WatchStream = match self.0.get(request.get_ref().service.as_str()) {
            Some(told) => Box::pin(stream::unfold((Arc::clone(told), None), |(told, last)| async move {
                let status = told.after(last).await;
                Some((Ok(answer(status)), (told, Some(status))))
            })),
            // It may be there after the next deployment: the caller is told so, and keeps watching.
            None => {
                Box::pin(stream::iter([Ok(answer(ServingStatus::ServiceUnknown))]).chain(stream::pending()))
            }
        };
        Ok(Response::new(states))
    }
}

#[cfg(test)]
mod tests {
    use tonic_health::pb::health_server::Health as _;

    use super::*;

    async fn check(health: &Health, service: &str) -> Option<ServingStatus> {
        let request = Request::new(HealthCheckRequest { service: service.to_owned() });
        let response = health.check(request).await.ok()?;
        Some(response.into_inner().status())
    }

    #[tokio::test]
    async fn tells_each_service_and_the_whole() {
        let health = Health::new(["a.v1.A", "b.v1.B"]);
        health.set_not_serving("a.v1.A");
        assert_eq!(check(&health, "a.v1.A").await, Some(ServingStatus::NotServing));
        assert_eq!(check(&health, "b.v1.B").await, Some(ServingStatus::Serving));
        assert_eq!(check(&health, "").await, Some(ServingStatus::Serving));
        assert_eq!(check(&health, "c.v1.C").await, None);
    }

    #[tokio::test]
    async fn nothing_serves_again_once_stopped() {
        let health = Health::new(["a.v1.A"]);
        health.stop();
        health.set_serving("a.v1.A");
        assert_eq!(check(&health, "a.v1.A").await, Some(ServingStatus::NotServing));
        assert_eq!(check(&health, "").await, Some(ServingStatus::NotServing));
    }
}
