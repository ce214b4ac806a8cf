//! Who gets a call, and what becomes of calls that nobody can take.

use std::{sync::atomic::Ordering, time::Duration};

use echo::UnaryRequest;
use mesh_rpc::{
    BalanceConfig, Balancing, Channel, ChannelConfig, HashKey, SlowStartConfig, Target, WaitForReady,
};
use tokio::{task::JoinHandle, time::Instant};
use tonic::{Code, Request, Status};

use crate::support::{Echo, EchoClient, Network, Node, address, reason};

fn start(network: &Network, names: &[&str]) -> Vec<Node> {
    let named = (1..).zip(names);
    named.map(|(port, name)| Node::start_at(network, port, Echo::named(name), |server| server)).collect()
}

fn client(network: &Network, servers: u16, config: ChannelConfig) -> EchoClient {
    let target = Target::fixed((1..=servers).map(address));
    let channel = Channel::builder(target).connector(network.clone()).config(config).seed(1);
    EchoClient::new(channel.build().unwrap())
}

fn request(text: &str) -> Request<UnaryRequest> {
    let mut request = Request::new(UnaryRequest { text: text.to_owned() });
    request.set_timeout(Duration::from_secs(60));
    request
}

fn call(client: &EchoClient, request: Request<UnaryRequest>) -> JoinHandle<Result<String, Status>> {
    let mut client = client.clone();
    tokio::spawn(async move { Ok(client.unary(request).await?.into_inner().text) })
}

async fn say(client: &EchoClient, text: &str) -> Result<String, Status> {
    call(client, request(text)).await.unwrap()
}

fn came(nodes: &[Node]) -> Vec<u32> {
    nodes.iter().map(|node| node.echo.came.load(Ordering::Relaxed)).collect()
}

/// Calls until every server is connected to.
async fn meet_all(client: &EchoClient, nodes: &[Node]) {
    while came(nodes).contains(&0) {
        say(client, "hello").await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_at_once_gets_less_than_one_call_in_twenty() {
    let network = Network::default();
    let nodes = start(&network, &["a", "b", "c"]);
    let client = client(&network, 3, ChannelConfig::default());
    meet_all(&client, &nodes).await;
    let before = came(&nodes);
    for _ in 0..1_000 {
        // Fast where it is refused, and a millisecond of work where it is not.
        let _ = say(&client, "not b").await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let share = came(&nodes)[1] - before[1];
    assert!((1..50).contains(&share), "{share} of 1000");
}

#[tokio::test(start_paused = true)]
async fn a_key_meets_the_same_server_whatever_channel_it_goes_through() {
    let network = Network::default();
    let nodes = start(&network, &["a", "b", "c"]);
    let clients =
        [client(&network, 3, ChannelConfig::default()), client(&network, 3, ChannelConfig::default())];
    for client in &clients {
        for _ in 0..100 {
            say(client, "hello").await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let mut met = Vec::new();
    for key in 0..30 {
        let mut names = Vec::new();
        for client in clients.iter().chain(&clients) {
            let mut request = request("name");
            request.extensions_mut().insert(HashKey(key));
            names.push(call(client, request).await.unwrap().unwrap());
        }
        assert!(names.iter().all(|name| *name == names[0]), "{key}: {names:?}");
        met.push(names.remove(0));
    }
    assert!(["a", "b", "c"].iter().all(|name| met.iter().any(|met| met == name)), "{met:?}");
    drop(nodes);
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_in_flight_on_a_target_than_may_be() {
    let network = Network::default();
    let nodes = start(&network, &["a", "b"]);
    let client = client(&network, 2, ChannelConfig { max_requests: 3, ..ChannelConfig::default() });
    let busy: Vec<_> = (0..3).map(|_| call(&client, request("sleep 1000"))).collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let status = say(&client, "hello").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "TARGET_FULL"));
    assert_eq!(came(&nodes).iter().sum::<u32>(), 3);
    for call in busy {
        call.await.unwrap().unwrap();
    }
    assert!(say(&client, "hello").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_wait_than_may() {
    let network = Network::default();
    let nodes = start(&network, &["a"]);
    let config = ChannelConfig { max_in_flight: 1, max_queued: 2, ..ChannelConfig::default() };
    let client = client(&network, 1, config);
    let busy = call(&client, request("sleep 1000"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting = [call(&client, request("sleep 10")), call(&client, request("sleep 20"))];
    tokio::time::sleep(Duration::from_millis(100)).await;
    let status = say(&client, "one too many").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "QUEUE_FULL"));
    busy.await.unwrap().unwrap();
    for call in waiting {
        call.await.unwrap().unwrap();
    }
    assert_eq!(came(&nodes), [3]);
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_go_in_the_order_in_which_they_came() {
    let network = Network::default();
    let _nodes = start(&network, &["a"]);
    let client = client(&network, 1, ChannelConfig { max_in_flight: 1, ..ChannelConfig::default() });
    let began = Instant::now();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let call = call(&client, request("sleep 10"));
            tokio::spawn(async move {
                call.await.unwrap().unwrap();
                began.elapsed().as_millis()
            })
        })
        .collect();
    let mut ends = Vec::new();
    for call in calls {
        ends.push(call.await.unwrap());
    }
    assert!(ends.is_sorted(), "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_later_does_not_take_the_place_of_one_that_waits() {
    let network = Network::default();
    let _nodes = start(&network, &["a"]);
    let client = client(&network, 1, ChannelConfig { max_in_flight: 1, ..ChannelConfig::default() });
    let mut busy = client.clone();
    // Calls again as soon as it has its answer, before anybody else runs.
    let busy = tokio::spawn(async move {
        loop {
            busy.unary(request("sleep 10")).await.unwrap();
        }
    });
    tokio::time::sleep(Duration::from_millis(5)).await;
    for _ in 0..10 {
        let began = Instant::now();
        say(&client, "hello").await.unwrap();
        assert!(began.elapsed() <= Duration::from_millis(11), "{:?}", began.elapsed());
    }
    busy.abort();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_stops_waiting_does_not_take_its_turn_with_it() {
    let network = Network::default();
    let _nodes = start(&network, &["a"]);
    let client = client(&network, 1, ChannelConfig { max_in_flight: 1, ..ChannelConfig::default() });
    let busy = call(&client, request("sleep 100"));
    tokio::time::sleep(Duration::from_millis(10)).await;
    let mut hasty = Vec::new();
    for _ in 0..20 {
        let mut request = Request::new(UnaryRequest { text: "hasty".to_owned() });
        // All at the moment at which the busy one ends, or about it.
        request.set_timeout(Duration::from_millis(90));
        hasty.push(call(&client, request));
    }
    let patient = call(&client, request("name"));
    tokio::time::timeout(Duration::from_secs(1), patient).await.unwrap().unwrap().unwrap();
    busy.await.unwrap().unwrap();
    for call in hasty {
        let _ = call.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_call_is_forgotten_by_threads_that_take_and_give_back_at_once() {
    let network = Network::default();
    let nodes = start(&network, &["a", "b"]);
    let client = client(&network, 2, ChannelConfig { max_in_flight: 2, ..ChannelConfig::default() });
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move {
                for _ in 0..30 {
                    client.unary(request("hello")).await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(came(&nodes).iter().sum::<u32>(), 64 * 30);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_ready_waits_for_a_server_to_come_or_for_its_deadline() {
    let network = Network::default();
    let client = client(&network, 1, ChannelConfig::default());
    let patient = |millis| {
        let mut request = Request::new(UnaryRequest { text: "name".to_owned() });
        request.set_timeout(Duration::from_millis(millis));
        request.extensions_mut().insert(WaitForReady);
        call(&client, request)
    };
    assert_eq!(patient(1_000).await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    let call = patient(60_000);
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(reason(&say(&client, "hasty").await.unwrap_err()), "CONNECT_FAILED");
    let _nodes = start(&network, &["late"]);
    let began = Instant::now();
    assert_eq!(call.await.unwrap().unwrap(), "late");
    // As soon as the backoff lets it: 5 s and a fifth at most.
    assert!(began.elapsed() <= Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn no_call_waits_for_a_channel_that_is_closed() {
    let network = Network::default();
    let channel = Channel::builder(Target::fixed([address(1)])).connector(network).build().unwrap();
    let client = EchoClient::new(channel.clone());
    let mut waiting = request("name");
    waiting.extensions_mut().insert(WaitForReady);
    let waiting = call(&client, waiting);
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(client);
    channel.close().await;
    assert_eq!(reason(&waiting.await.unwrap().unwrap_err()), "NO_ENDPOINT");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_comes_back_gets_a_share_that_grows() {
    let network = Network::default();
    let mut nodes = start(&network, &["a", "b"]);
    let balance =
        BalanceConfig { policy: Balancing::LeastRequest { choice_count: 2 }, ..BalanceConfig::default() };
    let config = ChannelConfig { balance, ..ChannelConfig::default() };
    let client = client(&network, 2, config);
    meet_all(&client, &nodes).await;
    nodes.remove(1).stopped().await;
    // Long enough for the other one not to be new any more.
    for _ in 0..30 {
        say(&client, "hello").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    nodes.push(Node::start_at(&network, 2, Echo::named("b"), |server| server));
    let mut shares = Vec::new();
    for _ in 0..4 {
        let before = came(&nodes)[1];
        for _ in 0..500 {
            say(&client, "hello").await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        shares.push(came(&nodes)[1] - before);
    }
    // Five seconds each; the first has the wait for the connection in it.
    assert!(shares[0] < 125 && shares[0] < shares[1] && shares[1] < shares[2], "{shares:?}");
    assert!(shares[3] > 200, "{shares:?}");
    assert_eq!(SlowStartConfig::default().window, Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_turns_slow_is_left_to_the_others() {
    let network = Network::default();
    let nodes = start(&network, &["a", "b", "c"]);
    let client = client(&network, 3, ChannelConfig::default());
    for _ in 0..30 {
        say(&client, "slow x 1").await.unwrap();
    }
    let before = came(&nodes);
    for _ in 0..300 {
        let mut slow = client.clone();
        let call = tokio::spawn(async move { slow.unary(request("slow b 300")).await });
        tokio::time::sleep(Duration::from_millis(10)).await;
        drop(call);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = came(&nodes);
    let share = after[1] - before[1];
    assert!(share < 15, "{share} of 300");
}
