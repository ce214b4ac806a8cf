//! grpc.health.v1, per service and with Watch.

use futures_util::StreamExt as _;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::support::{Echo, Node};

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test(start_paused = true)]
async fn every_service_and_the_whole_server_can_be_checked() {
    let node = Node::start(Echo::default());
    let mut client = HealthClient::new(node.channel());
    node.health.set_not_serving("echo.v1.EchoService");
    let status = client.check(of("echo.v1.EchoService")).await.unwrap().into_inner().status();
    assert_eq!(status, ServingStatus::NotServing);
    assert_eq!(client.check(of("")).await.unwrap().into_inner().status(), ServingStatus::Serving);
    let unknown = client.check(of("echo.v1.AbsentService")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_every_change() {
    let node = Node::start(Echo::default());
    let mut client = HealthClient::new(node.channel());
    let mut states = client.watch(of("echo.v1.EchoService")).await.unwrap().into_inner();
    assert_eq!(states.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
    node.health.set_not_serving("echo.v1.EchoService");
    assert_eq!(states.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    node.health.set_serving("echo.v1.EchoService");
    assert_eq!(states.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
}

#[tokio::test(start_paused = true)]
async fn a_watch_on_an_unknown_service_stays_open() {
    let node = Node::start(Echo::default());
    let mut client = HealthClient::new(node.channel());
    let mut states = client.watch(of("echo.v1.AbsentService")).await.unwrap().into_inner();
    assert_eq!(states.next().await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
    let next = tokio::time::timeout(std::time::Duration::from_secs(600), states.next()).await;
    assert!(next.is_err(), "{next:?}");
}
