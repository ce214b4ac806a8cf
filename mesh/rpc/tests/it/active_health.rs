//! Servers that are asked how they are.

use std::{sync::atomic::Ordering, time::Duration};

use echo::{UnaryRequest, echo_service_server::EchoServiceServer};
use mesh_rpc::{Channel, ChannelConfig, HealthConfig, Target};
use tokio::{sync::mpsc, time::Instant};
use tonic::{Code, Request, Status};

use crate::support::{Echo, EchoClient, Network, Node, address, reason};

const SERVICE: &str = "echo.v1.EchoService";

fn watching(network: &Network, servers: u16) -> EchoClient {
    let health = HealthConfig { watch: Some(SERVICE.to_owned()) };
    let config = ChannelConfig { health, ..ChannelConfig::default() };
    let target = Target::fixed((1..=servers).map(address));
    let channel = Channel::builder(target).connector(network.clone()).config(config).seed(1);
    EchoClient::new(channel.build().unwrap())
}

fn named(network: &Network, port: u16, name: &str) -> Node {
    Node::start_at(network, port, Echo::named(name), |server| server)
}

async fn name(client: &EchoClient) -> Result<String, Status> {
    let mut request = Request::new(UnaryRequest { text: "name".to_owned() });
    request.set_timeout(Duration::from_secs(60));
    let answer = client.clone().unary(request).await?.into_inner().text;
    tokio::time::sleep(Duration::from_millis(1)).await;
    Ok(answer)
}

#[tokio::test(start_paused = true)]
async fn a_server_gets_calls_only_while_it_says_that_it_serves() {
    let network = Network::default();
    let nodes = [named(&network, 1, "a"), named(&network, 2, "b")];
    nodes[0].health.set_not_serving(SERVICE);
    let client = watching(&network, 2);
    for _ in 0..50 {
        assert_eq!(name(&client).await.unwrap(), "b");
    }
    nodes[0].health.set_serving(SERVICE);
    nodes[1].health.set_not_serving(SERVICE);
    tokio::time::sleep(Duration::from_millis(10)).await;
    for _ in 0..50 {
        assert_eq!(name(&client).await.unwrap(), "a");
    }
    nodes[0].health.set_not_serving(SERVICE);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let status = name(&client).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "NOT_SERVING"));
    assert_eq!(nodes[1].echo.came.load(Ordering::Relaxed), 50);
}

#[tokio::test(start_paused = true)]
async fn a_key_does_not_belong_to_a_server_that_says_it_does_not_serve() {
    let network = Network::default();
    let nodes = [named(&network, 1, "a"), named(&network, 2, "b")];
    let client = watching(&network, 2);
    let owners = async || {
        let mut owners = Vec::new();
        for key in 0..20 {
            let mut request = Request::new(UnaryRequest { text: "name".to_owned() });
            request.extensions_mut().insert(mesh_rpc::HashKey(key));
            owners.push(client.clone().unary(request).await.unwrap().into_inner().text);
        }
        owners
    };
    owners().await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(owners().await.contains(&"a".to_owned()), "both serve");
    nodes[0].health.set_not_serving(SERVICE);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(owners().await, ["b"; 20]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_comes_back_is_asked_again() {
    let network = Network::default();
    let first = named(&network, 1, "first");
    let client = watching(&network, 1);
    assert_eq!(name(&client).await.unwrap(), "first");
    first.stopped().await;
    let second = named(&network, 1, "second");
    second.health.set_not_serving(SERVICE);
    let mut request = Request::new(UnaryRequest { text: "name".to_owned() });
    request.extensions_mut().insert(mesh_rpc::WaitForReady);
    let mut waiting = client.clone();
    let waiting = tokio::spawn(async move { waiting.unary(request).await });
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(reason(&name(&client).await.unwrap_err()), "NOT_SERVING");
    second.health.set_serving(SERVICE);
    assert_eq!(waiting.await.unwrap().unwrap().into_inner().text, "second");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_say_how_it_is_gets_calls() {
    let network = Network::default();
    // Served by hyper alone, without a health service: UNIMPLEMENTED.
    let mut listener = network.listen(1);
    tokio::spawn(async move {
        while let Ok((connection, _)) = mesh_rpc::Listener::accept(&mut listener).await {
            let service = hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| {
                let mut echo = EchoServiceServer::new(Echo::named("mute"));
                async move {
                    if request.uri().path().starts_with("/grpc.health.v1.") {
                        return Ok(Status::unimplemented("no such service").into_http());
                    }
                    tower_service::Service::call(&mut echo, request).await
                }
            });
            let io = hyper_util::rt::TokioIo::new(connection);
            let executor = hyper_util::rt::TokioExecutor::new();
            tokio::spawn(hyper::server::conn::http2::Builder::new(executor).serve_connection(io, service));
        }
    });
    let client = watching(&network, 1);
    assert_eq!(name(&client).await.unwrap(), "mute");
}

/// gRFC A17: a stream that ends before it has said anything is begun anew after a wait that grows, any other at once.
#[tokio::test(start_paused = true)]
async fn a_watch_that_fails_is_begun_anew_and_not_too_often() {
    let network = Network::default();
    let (mut listener, begun) = (network.listen(1), Instant::now());
    let (say, mut asked) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (io, _) = mesh_rpc::Listener::accept(&mut listener).await.unwrap();
        let mut connection = h2::server::handshake(io).await.unwrap();
        for number in 1.. {
            let Some(Ok((_, mut respond))) = connection.accept().await else { break };
            say.send(begun.elapsed()).unwrap();
            let answer = if number % 6 == 0 {
                // Says that it serves, and breaks off.
                let head =
                    http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
                let mut body = respond.send_response(head, false).unwrap();
                body.send_data(vec![0, 0, 0, 0, 2, 8, 1].into(), true)
            } else {
                respond.send_response(Status::internal("not now").into_http::<()>().map(drop), true).map(drop)
            };
            answer.unwrap();
        }
    });
    let mut client = watching(&network, 1);
    let _ = client.unary(UnaryRequest::default()).await;
    let mut times = Vec::new();
    while times.len() < 8 {
        let next = tokio::time::timeout(Duration::from_secs(60), asked.recv()).await;
        times.push(next.expect("it asks again and again").unwrap());
    }
    let waits: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    // 100 ms and each time 1.6 times as long, give or take a fifth; at once after it has said something; and anew.
    for (wait, expected) in waits.iter().zip([100.0, 160.0, 256.0, 410.0, 655.0, 0.0, 100.0]) {
        let wait = *wait as f64;
        assert!((0.79 * expected..=1.21 * expected + 2.0).contains(&wait), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_does_not_hold_a_channel_open() {
    let network = Network::default();
    let node = named(&network, 1, "a");
    let health = HealthConfig { watch: Some(SERVICE.to_owned()) };
    let config = ChannelConfig { health, ..ChannelConfig::default() };
    let channel = Channel::builder(Target::fixed([address(1)])).connector(network.clone()).config(config);
    let channel = channel.build().unwrap();
    name(&EchoClient::new(channel.clone())).await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), channel.close()).await.unwrap();
    let drained = node.stopped().await;
    assert_eq!(drained.cut, 0);
}
