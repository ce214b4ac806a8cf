//! Nobody does anything while there is nothing to do.

use std::{sync::mpsc, thread, time::Duration};

use echo::UnaryRequest;
use futures_util::StreamExt as _;
use tokio::{runtime, time::sleep};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::support::{Echo, EchoClient, Node};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Real time, far more than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A paused clock goes on only when every task waits, so one that spins on what was closed (linkerd2-proxy #4481) stops
/// it for ever.
#[test]
fn nothing_spins_on_a_server_or_a_channel_that_was_closed() {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(server_and_channels_end());
        done.send(()).unwrap();
    });
    is_done.recv_timeout(PATIENCE).expect("a task spins, or failed");
}

async fn server_and_channels_end() {
    let node = Node::start(Echo::default());
    let (closed, dropped) = (node.channel(), node.channel());
    let mut states = HealthClient::new(closed.clone()).watch(HealthCheckRequest::default()).await.unwrap();
    for channel in [&closed, &dropped] {
        EchoClient::new(channel.clone()).unary(UnaryRequest::default()).await.unwrap();
    }
    node.stopped().await;
    // Both have nobody to connect to.
    sleep(HOUR).await;
    while states.get_mut().next().await.is_some_and(|state| state.is_ok()) {}
    drop(dropped);
    sleep(HOUR).await;
    closed.clone().close().await;
    sleep(HOUR).await;
    let status = EchoClient::new(closed).unary(UnaryRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    sleep(HOUR).await;
}
