//! Callers that stop reading their answers: HTTP/2 lets nothing more pass, and the server must not wait for it.

use std::{error::Error as _, time::Duration};

use http::Response;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use mesh_rpc::Drained;
use tokio::time::{Instant, sleep};

use crate::support::{Echo, Node, long_answer};

/// How much of an answer the window of the raw client lets pass.
const WINDOW: usize = 65_535;

/// What comes when the answer is read at last: the bytes that had passed before, and how the stream was reset.
async fn late(response: Response<Incoming>) -> (usize, Option<h2::Reason>) {
    let mut body = response.into_body();
    let mut read = 0;
    loop {
        match body.frame().await {
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, bytes::Bytes::len),
            Some(Err(error)) => {
                let error = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
                return (read, error.and_then(h2::Error::reason));
            }
            None => return (read, None),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_is_reset_at_its_deadline() {
    for method in ["Unary", "ServerStream"] {
        let node = Node::start(Echo::default());
        let response = long_answer(&node.network, method, &[("grpc-timeout", "3S")]).await;
        sleep(Duration::from_secs(4)).await;
        assert_eq!(late(response).await, (WINDOW, Some(h2::Reason::CANCEL)), "{method}");
        assert_eq!(node.stopped().await, Drained { finished: 0, cut: 0 }, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_deadline_that_nobody_reads_is_reset_after_a_minute() {
    for method in ["Unary", "ServerStream"] {
        let node = Node::start(Echo::default());
        let response = long_answer(&node.network, method, &[]).await;
        sleep(Duration::from_secs(61)).await;
        assert_eq!(late(response).await, (WINDOW, Some(h2::Reason::CANCEL)), "{method}");
        assert_eq!(node.stopped().await, Drained { finished: 0, cut: 0 }, "{method}");
    }
    let node = Node::start(Echo::default());
    let response = long_answer(&node.network, "Unary", &[]).await;
    sleep(Duration::from_secs(59)).await;
    let (read, reset) = late(response).await;
    assert!(read > 200_000 && reset.is_none(), "{read} {reset:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_read_before_its_deadline_is_whole() {
    let node = Node::start(Echo::default());
    let response = long_answer(&node.network, "Unary", &[("grpc-timeout", "3S")]).await;
    sleep(Duration::from_secs(2)).await;
    let (read, reset) = late(response).await;
    assert!(read > 200_000 && reset.is_none(), "{read} {reset:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_is_reset_in_the_middle_of_a_drain() {
    for method in ["Unary", "ServerStream"] {
        let node = Node::start(Echo::default());
        let response = long_answer(&node.network, method, &[]).await;
        sleep(Duration::from_secs(1)).await;
        let begun = Instant::now();
        assert_eq!(node.stopped().await, Drained { finished: 0, cut: 1 }, "{method}");
        assert_eq!(begun.elapsed().as_secs(), 5, "{method}");
        assert_eq!(late(response).await, (WINDOW, Some(h2::Reason::CANCEL)), "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_read_slowly_has_all_the_time_of_a_drain() {
    let node = Node::start(Echo::default());
    let response = long_answer(&node.network, "Unary", &[]).await;
    sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    let reader = tokio::spawn(async move {
        let mut body = response.into_body();
        // 200,000 bytes are 13 frames.
        while let Some(frame) = body.frame().await {
            frame.unwrap();
            sleep(Duration::from_millis(500)).await;
        }
    });
    assert_eq!(node.stopped().await, Drained { finished: 1, cut: 0 });
    assert!((5..10).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    reader.await.unwrap();
}
