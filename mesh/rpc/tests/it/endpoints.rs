//! Which endpoints a channel calls, and how it comes back to them.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use echo::{ServerStreamRequest, UnaryRequest, echo_service_server::EchoServiceServer};
use futures_util::FutureExt as _;
use mesh_rpc::{
    BalanceConfig, Balancing, Channel, ChannelConfig, Connector, Server, SlowStartConfig, Target,
};
use tokio::{io::DuplexStream, net::TcpListener};
use tonic::{Code, Request};

use crate::support::{Echo, EchoClient, Network, Node, address, channel, channel_to, reason, spawn};

/// The name of the server that answers. A call that would hang ends, long after every other wait.
async fn name(client: &mut EchoClient) -> Result<String, tonic::Status> {
    let mut request = Request::new(UnaryRequest { text: "name".to_owned() });
    request.set_timeout(Duration::from_secs(60));
    Ok(client.unary(request).await?.into_inner().text)
}

fn named(network: &Network, port: u16, name: &str) -> Node {
    Node::start_at(network, port, Echo::named(name), |server| server)
}

#[tokio::test(start_paused = true)]
async fn endpoints_take_turns_over_one_connection_each() {
    let network = Network::default();
    let _nodes = [named(&network, 1, "a"), named(&network, 2, "b")];
    let balance = BalanceConfig {
        policy: Balancing::RoundRobin,
        slow_start: SlowStartConfig { window: Duration::ZERO, ..SlowStartConfig::default() },
        ..BalanceConfig::default()
    };
    let config = ChannelConfig { balance, ..ChannelConfig::default() };
    let target = Target::fixed([address(1), address(2)]);
    let channel = Channel::builder(target).connector(network.clone()).config(config).build().unwrap();
    let mut client = EchoClient::new(channel);
    name(&mut client).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    let mut names = Vec::new();
    for _ in 0..6 {
        names.push(name(&mut client.clone()).await.unwrap());
    }
    names.sort_unstable();
    assert_eq!(names, ["a", "a", "a", "b", "b", "b"]);
    assert_eq!((network.attempts(1), network.attempts(2)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_dead_endpoint_is_avoided_while_another_lives() {
    let network = Network::default();
    let _node = named(&network, 1, "alive");
    network.silence(3);
    // Nobody listens at 2, and 3 never answers.
    let mut client = EchoClient::new(channel(&network, &[2, 3, 1]));
    for _ in 0..50 {
        assert_eq!(name(&mut client).await.unwrap(), "alive");
    }
    assert_eq!(network.attempts(2), 1);
}

#[tokio::test(start_paused = true)]
async fn fails_fast_while_nobody_can_be_reached() {
    let network = Network::default();
    let mut client = EchoClient::new(channel(&network, &[1]));
    for _ in 0..10 {
        let status = name(&mut client).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "CONNECT_FAILED"));
        assert_eq!(status.message(), "cannot connect to 10.0.0.1:1: connection refused");
    }
    // The second attempt comes when a call wants it and the wait after the first one is over.
    assert_eq!(network.attempts(1), 1);
    tokio::time::sleep(Duration::from_millis(130)).await;
    name(&mut client).await.unwrap_err();
    assert_eq!(network.attempts(1), 2);

    let _node = named(&network, 1, "back");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(name(&mut client).await.unwrap(), "back");
}

#[tokio::test(start_paused = true)]
async fn gives_up_on_an_endpoint_that_never_answers() {
    let network = Network::default();
    network.silence(1);
    let mut client = EchoClient::new(channel(&network, &[1]));
    let status = name(&mut client).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "CONNECT_FAILED"));
    assert!(status.message().ends_with("no answer within 5s"), "{status}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_hangs_up_is_not_connected_to_without_a_pause() {
    let network = Network::default();
    let mut listener = network.listen(1);
    tokio::spawn(async move {
        while let Ok((connection, _)) = mesh_rpc::Listener::accept(&mut listener).await {
            drop(connection);
        }
    });
    let mut client = EchoClient::new(channel(&network, &[1]));
    for _ in 0..100 {
        assert_eq!(name(&mut client).await.unwrap_err().code(), Code::Unavailable);
    }
    assert!(network.attempts(1) <= 2, "{}", network.attempts(1));
}

#[tokio::test(start_paused = true)]
async fn comes_back_after_a_server_was_restarted() {
    let network = Network::default();
    let first = named(&network, 1, "first");
    let mut client = EchoClient::new(channel(&network, &[1]));
    assert_eq!(name(&mut client).await.unwrap(), "first");
    first.stopped().await;
    let _second = named(&network, 1, "second");
    assert_eq!(name(&mut client).await.unwrap(), "second");
}

#[tokio::test]
async fn comes_back_after_a_server_was_restarted_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = |name: &str, listener| {
        let server = Server::builder().service(EchoServiceServer::new(Echo::named(name))).build().unwrap();
        spawn(server, listener)
    };
    let (shutdown, serving) = serve("first", listener);
    let mut client = EchoClient::new(Channel::builder(Target::fixed([address])).build().unwrap());
    assert_eq!(name(&mut client).await.unwrap(), "first");
    shutdown.cancel();
    serving.await.unwrap();
    assert_eq!(name(&mut client).await.unwrap_err().code(), Code::Unavailable);

    let (_shutdown, _serving) = serve("second", TcpListener::bind(address).await.unwrap());
    let answer = loop {
        match name(&mut client).await {
            Ok(answer) => break answer,
            Err(status) => assert_eq!(reason(&status), "CONNECT_FAILED"),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(answer, "second");
}

#[tokio::test(start_paused = true)]
async fn a_name_is_followed() {
    let network = Network::default();
    let _nodes = [named(&network, 1, "a"), named(&network, 2, "b")];
    network.name("echo.test", &[1]);
    let mut client = EchoClient::new(channel_to(&network, "dns:///echo.test:50051".parse().unwrap()));
    assert_eq!(name(&mut client).await.unwrap(), "a");
    network.name("echo.test", &[2]);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(name(&mut client).await.unwrap(), "b");
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_makes_a_name_be_asked_again() {
    let network = Network::default();
    let [first, _second] = [named(&network, 1, "a"), named(&network, 2, "b")];
    network.name("echo.test", &[1]);
    let mut client = EchoClient::new(channel_to(&network, "dns:///echo.test:50051".parse().unwrap()));
    assert_eq!(name(&mut client).await.unwrap(), "a");
    network.name("echo.test", &[2]);
    first.stopped().await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(name(&mut client).await.unwrap(), "b");
}

#[tokio::test(start_paused = true)]
async fn a_name_without_addresses_has_no_endpoint() {
    let network = Network::default();
    let mut client = EchoClient::new(channel_to(&network, "dns:///echo.test:50051".parse().unwrap()));
    let status = name(&mut client).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "NO_ENDPOINT"));
    assert_eq!(status.message(), "no endpoint for dns:///echo.test:50051: no such name");
}

/// Closes the channel that asks it for addresses, and then answers.
#[derive(Clone, Default)]
struct Closing {
    network: Network,
    channel: Arc<Mutex<Option<Channel>>>,
}

impl Connector for Closing {
    type Io = DuplexStream;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        let channel = self.channel.lock().unwrap().take();
        let closed = channel.map(|channel| channel.close().now_or_never());
        assert_eq!(closed, Some(None), "it waits for the task that asks");
        Ok(vec![address(1)])
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<DuplexStream> {
        self.network.connect(address).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_channel_stays_closed_whatever_its_resolver_says() {
    let closing = Closing::default();
    let _node = named(&closing.network, 1, "alive");
    let channel = Channel::builder("dns:///echo.test:50051".parse().unwrap()).connector(closing.clone());
    let channel = channel.build().unwrap();
    *closing.channel.lock().unwrap() = Some(channel.clone());
    let mut client = EchoClient::new(channel);
    for _ in 0..2 {
        let status = name(&mut client).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "NO_ENDPOINT"));
        assert!(status.message().ends_with("the channel is closed"), "{status}");
    }
    assert_eq!(closing.network.attempts(1), 0);
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_bound_wait_for_their_turn_or_their_deadline() {
    let node = named(&Network::default(), 1, "busy");
    let config = ChannelConfig { max_in_flight: 2, ..ChannelConfig::default() };
    let channel =
        Channel::builder(Target::fixed([address(1)])).connector(node.network.clone()).config(config);
    let client = EchoClient::new(channel.build().unwrap());
    let call = |text: &str, timeout| {
        let (mut client, mut request) =
            (client.clone(), Request::new(UnaryRequest { text: text.to_owned() }));
        request.set_timeout(Duration::from_millis(timeout));
        tokio::spawn(async move { client.unary(request).await.map(drop).map_err(|status| status.code()) })
    };
    let busy = [call("sleep 1000", 5_000), call("sleep 2000", 5_000)];
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (patient, hasty) = (call("sleep 500", 5_000), call("too late", 500));
    assert_eq!(hasty.await.unwrap(), Err(Code::DeadlineExceeded));
    assert_eq!(node.echo.came.load(Ordering::Relaxed), 2);
    assert_eq!(patient.await.unwrap(), Ok(()));
    for call in busy {
        assert_eq!(call.await.unwrap(), Ok(()));
    }
    assert_eq!(node.echo.came.load(Ordering::Relaxed), 3);
    // Every place was given back, that of the call that never left as well.
    for _ in 0..5 {
        assert_eq!(call("hello", 1_000).await.unwrap(), Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_endpoint_is_passed_over_while_another_has_room() {
    let network = Network::default();
    let nodes = [named(&network, 1, "a"), named(&network, 2, "b")];
    let config = ChannelConfig { max_in_flight: 1, ..ChannelConfig::default() };
    let target = Target::fixed([address(1), address(2)]);
    let channel = Channel::builder(target).connector(network.clone()).config(config).build().unwrap();
    let mut client = EchoClient::new(channel);
    // Both are connected.
    while network.attempts(2) == 0 {
        name(&mut client).await.unwrap();
    }
    name(&mut client).await.unwrap();
    let mut slow = client.clone();
    let _slow = tokio::spawn(async move { slow.unary(UnaryRequest { text: "hang".to_owned() }).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let names = [name(&mut client).await.unwrap(), name(&mut client).await.unwrap()];
    assert_eq!(names[0], names[1]);
    drop(nodes);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_over_takes_no_place_though_its_caller_still_holds_it() {
    let node = named(&Network::default(), 1, "a");
    let config = ChannelConfig { max_in_flight: 1, ..ChannelConfig::default() };
    let channel =
        Channel::builder(Target::fixed([address(1)])).connector(node.network.clone()).config(config);
    let mut client = EchoClient::new(channel.build().unwrap());
    let request = ServerStreamRequest { count: 2, text: "hello".to_owned() };
    let mut answers = client.server_stream(request).await.unwrap().into_inner();
    while answers.message().await.unwrap().is_some() {}
    assert_eq!(name(&mut client).await.unwrap(), "a");
    drop(answers);
}
