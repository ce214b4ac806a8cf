//! All four kinds of call, in memory and on TCP.

use echo::echo_service_server::EchoServiceServer;
use echo::{BidiStreamRequest, ClientStreamRequest, ServerStreamRequest, UnaryRequest};
use futures_util::{StreamExt as _, stream};
use mesh_rpc::{Channel, Server, Target};
use tokio::net::TcpListener;

use crate::support::{Echo, EchoClient, Node, spawn};

async fn calls_of_all_kinds(mut client: EchoClient) {
    let answer = client.unary(UnaryRequest { text: "hello".to_owned() }).await.unwrap();
    assert_eq!(answer.into_inner().text, "hello");

    let request = ServerStreamRequest { count: 1_000, text: "x".repeat(1_000) };
    let answers = client.server_stream(request).await.unwrap().into_inner();
    let indexes: Vec<_> = answers.map(|answer| answer.unwrap().index).collect().await;
    assert_eq!(indexes, (0..1_000).collect::<Vec<_>>());

    let messages = stream::iter((0..1_000).map(|_| ClientStreamRequest { text: "x".repeat(1_000) }));
    assert_eq!(client.client_stream(messages).await.unwrap().into_inner().count, 1_000);

    let messages = stream::iter(["a", "b"].map(|text| BidiStreamRequest { text: text.to_owned() }));
    let answers = client.bidi_stream(messages).await.unwrap().into_inner();
    let texts: Vec<_> = answers.map(|answer| answer.unwrap().text).collect().await;
    assert_eq!(texts, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn all_kinds_of_call_come_back() {
    let node = Node::start(Echo::default());
    calls_of_all_kinds(node.client()).await;
    assert_eq!(node.network.attempts(1), 1);
    let drained = node.stopped().await;
    assert_eq!((drained.finished, drained.cut), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_kinds_of_call_come_back_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target: Target = format!("static:///{}", listener.local_addr().unwrap()).parse().unwrap();
    let server = Server::builder().service(EchoServiceServer::new(Echo::default())).build().unwrap();
    let (shutdown, serving) = spawn(server, listener);
    let channel = Channel::builder(target).build().unwrap();
    let calls = (0..8).map(|_| tokio::spawn(calls_of_all_kinds(EchoClient::new(channel.clone()))));
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    channel.close().await;
    shutdown.cancel();
    assert_eq!(serving.await.unwrap().cut, 0);
}

#[tokio::test(start_paused = true)]
async fn answers_outlive_the_channel_they_came_by() {
    let node = Node::start(Echo::default());
    let mut client = node.client();
    let request = ServerStreamRequest { count: 3, text: String::new() };
    let answers = client.server_stream(request).await.unwrap().into_inner();
    drop(client);
    assert_eq!(answers.count().await, 3);
}

#[tokio::test(start_paused = true)]
async fn closing_a_channel_ends_its_connections() {
    let node = Node::start(Echo::default());
    let channel = node.channel();
    let mut client = EchoClient::new(channel.clone());
    client.unary(UnaryRequest::default()).await.unwrap();
    channel.close().await;
    let status = client.unary(UnaryRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert!(status.message().ends_with("the channel is closed"), "{status}");
}
