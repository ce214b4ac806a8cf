//! The webhook: called twice, and again until somebody acknowledges.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use mesh_rpc::{Server, ServerConfig, Target};
use proto::provider::v1::{
    Kind, NotifyRequest, NotifyResponse, Status,
    webhook_service_server::{WebhookService, WebhookServiceServer},
};
use provider_sandbox::SandboxConfig;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Request, Response};

use crate::bench::{Bench, until, with};

/// Counts what it is told, by key, and refuses the first calls.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    acknowledged: BTreeMap<String, usize>,
    refused: usize,
    to_refuse: usize,
}

#[tonic::async_trait]
impl WebhookService for Ear {
    async fn notify(
        &self,
        request: Request<NotifyRequest>,
    ) -> Result<Response<NotifyResponse>, tonic::Status> {
        let mut heard = self.0.lock().unwrap();
        if heard.refused < heard.to_refuse {
            heard.refused += 1;
            return Err(tonic::Status::unavailable("not now"));
        }
        *heard.acknowledged.entry(request.into_inner().key).or_default() += 1;
        Ok(Response::new(NotifyResponse {}))
    }
}

/// A running ear.
pub(crate) struct Listening {
    ear: Ear,
    stop: CancellationToken,
    parts: TaskTracker,
}

impl Listening {
    pub(crate) fn start(listener: TcpListener, to_refuse: usize) -> Self {
        let ear = Ear::default();
        ear.0.lock().unwrap().to_refuse = to_refuse;
        let service = WebhookServiceServer::new(ear.clone());
        let server = Server::builder().config(ServerConfig::default()).service(service).build().unwrap();
        let (stop, parts) = (CancellationToken::new(), TaskTracker::new());
        parts.spawn(server.serve(listener, stop.clone()));
        Self { ear, stop, parts }
    }

    /// How often each key was acknowledged.
    pub(crate) fn acknowledged(&self) -> BTreeMap<String, usize> {
        self.ear.0.lock().unwrap().acknowledged.clone()
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.parts.close();
        self.parts.wait().await;
    }
}

/// Where nobody listens, and somebody may later.
pub(crate) async fn port() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap(), listener)
}

fn calling(address: SocketAddr) -> SandboxConfig {
    SandboxConfig { webhook: Some(Target::fixed([address])), ..SandboxConfig::default() }
}

#[tokio::test]
async fn each_settlement_is_told_twice() {
    let (address, listener) = port().await;
    let ear = Listening::start(listener, 0);
    let bench = Bench::start_with(calling(address)).await;
    bench.settle();
    // Settled at once, so nobody is told.
    bench.asker.execute(with("tok_ok", "o:1", Kind::Authorize, 100)).await.unwrap();
    // One after the other: a third call for the first would come before those for the second.
    for keys in [["p:1"].as_slice(), &["p:1", "q:1"]] {
        let key = keys[keys.len() - 1];
        bench.asker.execute(with("tok_dup_webhook", key, Kind::Authorize, 100)).await.unwrap();
        let twice: BTreeMap<_, _> = keys.iter().map(|key| ((*key).to_owned(), 2)).collect();
        until(async || ear.acknowledged() == twice).await;
        assert_eq!(bench.asker.lookup(key).await.unwrap().status(), Status::Settled, "before it is told");
    }
    bench.stop().await;
    ear.stop().await;
}

#[tokio::test]
async fn a_call_that_is_not_acknowledged_is_made_again() {
    let (address, listener) = port().await;
    let ear = Listening::start(listener, 5);
    let bench = Bench::start_with(calling(address)).await;
    bench.settle();
    bench.asker.execute(with("tok_dup_webhook", "p:1", Kind::Authorize, 100)).await.unwrap();
    until(async || ear.acknowledged() == BTreeMap::from([("p:1".to_owned(), 2)])).await;
    assert_eq!(ear.ear.0.lock().unwrap().refused, 5);
    bench.stop().await;
    ear.stop().await;
}

#[tokio::test]
async fn who_was_away_is_told_when_they_are_back() {
    let (address, listener) = port().await;
    drop(listener);
    let bench = Bench::start_with(calling(address)).await;
    bench.settle();
    bench.asker.execute(with("tok_dup_webhook", "p:1", Kind::Authorize, 100)).await.unwrap();
    until(async || bench.asker.lookup("p:1").await.unwrap().status() == Status::Settled).await;
    let ear = Listening::start(TcpListener::bind(address).await.unwrap(), 0);
    until(async || ear.acknowledged() == BTreeMap::from([("p:1".to_owned(), 2)])).await;
    bench.stop().await;
    ear.stop().await;
}
