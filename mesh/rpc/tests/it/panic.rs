//! Panics of handlers and bodies become answers.

use echo::{ServerStreamRequest, UnaryRequest};
use futures_util::StreamExt as _;
use tonic::Code;

use crate::support::{Echo, Node, reason};

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_is_an_internal_error_and_the_connection_lives() {
    let node = Node::start(Echo::default());
    let mut client = node.client();
    let status = client.unary(UnaryRequest { text: "panic".to_owned() }).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "PANIC"));
    assert!(!status.message().contains("asked to"), "{status}");

    client.unary(UnaryRequest { text: "still there?".to_owned() }).await.unwrap();
    assert_eq!(node.network.attempts(1), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_panics_ends_with_an_internal_error() {
    let node = Node::start(Echo::default());
    let request = ServerStreamRequest { count: 3, text: "panic".to_owned() };
    let mut answers = node.client().server_stream(request).await.unwrap().into_inner();
    assert_eq!(answers.next().await.unwrap().unwrap().index, 0);
    let status = answers.next().await.unwrap().unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "PANIC"));
    assert!(answers.next().await.is_none());
    assert_eq!(node.stopped().await.cut, 0);
}
