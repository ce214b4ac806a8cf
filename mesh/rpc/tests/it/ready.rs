//! Connecting before there is a call.

use std::time::Duration;

use mesh_rpc::{
    Channel, Target,
    deadline::{Deadline, scope},
};
use tokio::time::Instant;
use tonic::Code;

use crate::support::{Echo, Network, Node, address, channel, channel_to, reason};

fn within(seconds: u64) -> Deadline {
    Deadline::after(Duration::from_secs(seconds)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn is_ready_when_one_of_many_can_take_a_call() {
    let network = Network::default();
    let _node = Node::start_at(&network, 2, Echo::named("a"), |server| server);
    network.silence(1);
    let channel = channel(&network, &[1, 2, 3]);
    channel.ready().await.unwrap();
    assert_eq!([1, 2, 3].map(|port| network.attempts(port)), [1, 1, 1], "all are connected to");
    channel.ready().await.unwrap();
    assert_eq!(network.attempts(2), 1);
}

#[tokio::test(start_paused = true)]
async fn waits_for_a_server_that_comes_later() {
    let network = Network::default();
    let channel = channel(&network, &[1]);
    let waiting = tokio::spawn({
        let channel = channel.clone();
        async move { scope(within(60), channel.ready()).await }
    });
    tokio::time::sleep(Duration::from_secs(20)).await;
    let _node = Node::start_at(&network, 1, Echo::named("late"), |server| server);
    let began = Instant::now();
    waiting.await.unwrap().unwrap();
    // As soon as the backoff lets it: 5 s and a fifth at most.
    assert!(began.elapsed() <= Duration::from_secs(6), "{:?}", began.elapsed());
    assert!(network.attempts(1) < 20, "with the backoff: {}", network.attempts(1));
}

#[tokio::test(start_paused = true)]
async fn says_at_the_deadline_what_stood_in_the_way() {
    let network = Network::default();
    let ready = async |channel: Channel| {
        let began = Instant::now();
        let status = scope(within(3), channel.ready()).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "NOT_READY"));
        assert_eq!(began.elapsed(), Duration::from_secs(3));
        status.message().to_owned()
    };
    assert_eq!(
        ready(channel(&network, &[1])).await,
        "no endpoint of static:///10.0.0.1:1 was ready in time: cannot connect to 10.0.0.1:1: connection refused"
    );
    assert_eq!(
        ready(channel_to(&network, "dns:///echo.test:1".parse().unwrap())).await,
        "no endpoint of dns:///echo.test:1 was ready in time: no endpoint for dns:///echo.test:1: no such name"
    );
    network.silence(2);
    assert_eq!(
        ready(channel(&network, &[2])).await,
        "no endpoint of static:///10.0.0.1:2 was ready in time: nobody has answered yet"
    );
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_closed_is_never_ready() {
    let channel = channel(&Network::default(), &[1]);
    let waiting = tokio::spawn({
        let channel = channel.clone();
        async move { channel.ready().await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    channel.close().await;
    assert_eq!(reason(&waiting.await.unwrap().unwrap_err()), "NO_ENDPOINT");
}

#[tokio::test(start_paused = true)]
async fn an_eager_channel_connects_without_a_call_and_a_lazy_one_does_not() {
    let network = Network::default();
    let _node = Node::start_at(&network, 1, Echo::named("a"), |server| server);
    let builder = || Channel::builder(Target::fixed([address(1)])).connector(network.clone());
    let _lazy = builder().build().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(network.attempts(1), 0);
    let _eager = builder().eager().build().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(network.attempts(1), 1);
}
