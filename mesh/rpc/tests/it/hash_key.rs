//! Calls whose contract names a `hash_key` go where that field of their message belongs, with no code of the caller.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    time::Duration,
};

use bytes::Bytes;
use echo::{UnaryRequest, UnaryResponse};
use flate2::{Compression, write::GzEncoder};
use http_body_util::{BodyExt as _, Full};
use mesh_rpc::{BalanceConfig, Channel, ChannelConfig, CompressionConfig, Encoding, HashKey, Target};
use prost::Message as _;
use tonic::{Request, Status, body::Body};
use tower_service::Service as _;

use crate::support::{Echo, EchoClient, KEYED, Network, Node, address};

fn start(network: &Network, port: u16, name: &str) -> Node {
    Node::start_at(network, port, Echo::named(name), |server| server)
}

fn client(network: &Network, config: ChannelConfig) -> EchoClient {
    let target = Target::fixed((1..=3).map(address));
    let channel = Channel::builder(target).connector(network.clone()).policies(&KEYED).config(config);
    EchoClient::new(channel.build().unwrap())
}

/// The name of the server that `user` meets.
async fn meets(client: &EchoClient, user: u32) -> Result<String, Status> {
    let request = UnaryRequest { text: format!("name {user}") };
    Ok(client.clone().unary(request).await?.into_inner().text)
}

/// Calls until all servers are connected to.
async fn warm_up(client: &EchoClient) {
    for user in 0..100 {
        meets(client, user).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn all_meet(client: &EchoClient) -> BTreeMap<u32, String> {
    let mut met = BTreeMap::new();
    for user in 0..60 {
        met.insert(user, meets(client, user).await.unwrap());
    }
    met
}

#[tokio::test(start_paused = true)]
async fn a_user_meets_the_same_replica_whatever_channel_asks() {
    let network = Network::default();
    let _nodes = [start(&network, 1, "a"), start(&network, 2, "b"), start(&network, 3, "c")];
    let clients = [client(&network, ChannelConfig::default()), client(&network, ChannelConfig::default())];
    for client in &clients {
        warm_up(client).await;
    }
    let homes = all_meet(&clients[0]).await;
    for client in clients.iter().chain(&clients) {
        assert_eq!(all_meet(client).await, homes);
    }
    let share = |name: &str| homes.values().filter(|home| *home == name).count();
    assert!(["a", "b", "c"].into_iter().all(|name| (8..40).contains(&share(name))), "{homes:?}");
}

#[tokio::test(start_paused = true)]
async fn when_a_replica_dies_its_users_alone_move_and_they_come_home_when_it_is_back() {
    let network = Network::default();
    let [_a, b, _c] = [start(&network, 1, "a"), start(&network, 2, "b"), start(&network, 3, "c")];
    let client = client(&network, ChannelConfig::default());
    warm_up(&client).await;
    let homes = all_meet(&client).await;
    b.stopped().await;
    let moved = all_meet(&client).await;
    assert_eq!(all_meet(&client).await, moved, "a user that moved stays where it is");
    for (user, home) in &homes {
        assert_eq!(moved[user] == *home, home != "b", "{user}: {home}, then {}", moved[user]);
    }
    let _b = start(&network, 2, "b");
    // Past its backoff, and connected to by calls that would rather go there.
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        meets(&client, 0).await.unwrap();
    }
    assert_eq!(all_meet(&client).await, homes);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_says_where_its_call_belongs_is_right() {
    let network = Network::default();
    let _nodes = [start(&network, 1, "a"), start(&network, 2, "b"), start(&network, 3, "c")];
    let client = client(&network, ChannelConfig::default());
    warm_up(&client).await;
    let home = meets(&client, 0).await.unwrap();
    for user in 1..30 {
        let mut request = Request::new(UnaryRequest { text: format!("name {user}") });
        request.extensions_mut().insert(HashKey::of("name 0"));
        assert_eq!(client.clone().unary(request).await.unwrap().into_inner().text, home);
    }
}

/// What is sent in `user`'s name, long enough to be worth compressing.
fn long(user: u32) -> UnaryRequest {
    UnaryRequest { text: format!("name {user}{}", "x".repeat(2_000)) }
}

#[tokio::test(start_paused = true)]
async fn a_message_belongs_where_it_belongs_however_its_channel_compresses_it() {
    let network = Network::default();
    let _nodes = [start(&network, 1, "a"), start(&network, 2, "b"), start(&network, 3, "c")];
    let compressed = |encoding: Option<Encoding>| {
        let compression =
            encoding.map(|encoding| CompressionConfig { encoding: Some(encoding), min_bytes: 0 });
        client(&network, ChannelConfig { compression, ..ChannelConfig::default() })
    };
    let clients = [None, Some(Encoding::Gzip), Some(Encoding::Zstd)].map(compressed);
    for client in &clients {
        warm_up(client).await;
    }
    let mut met = BTreeSet::new();
    for user in 0..30 {
        let mut home = None;
        for client in &clients {
            let answer = client.clone().unary(long(user)).await.unwrap().into_inner().text;
            assert_eq!(home.get_or_insert(answer.clone()), &answer, "{user}");
        }
        met.extend(home);
    }
    assert_eq!(met.len(), 3);
}

/// As a generated client does it that is told to `send_compressed`.
#[tokio::test(start_paused = true)]
async fn a_message_that_its_caller_has_compressed_belongs_where_it_did_before() {
    let network = Network::default();
    let _nodes = [start(&network, 1, "a"), start(&network, 2, "b"), start(&network, 3, "c")];
    let client = client(&network, ChannelConfig::default());
    warm_up(&client).await;
    let target = Target::fixed((1..=3).map(address));
    let builder = Channel::builder(target).connector(network.clone()).policies(&KEYED);
    let mut channel = builder.build().unwrap();
    channel.ready().await.unwrap();
    warm_up(&EchoClient::new(channel.clone())).await;
    for user in 0..30 {
        let home = client.clone().unary(long(user)).await.unwrap().into_inner().text;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&long(user).encode_to_vec()).unwrap();
        let packed = gzip.finish().unwrap();
        let length = u32::try_from(packed.len()).unwrap().to_be_bytes();
        let frame = [&[1], length.as_slice(), packed.as_slice()].concat();
        let request = http::Request::post("http://echo/echo.v1.EchoService/Unary")
            .header("content-type", "application/grpc")
            .header("grpc-encoding", "gzip")
            .body(Body::new(Full::new(Bytes::from(frame))))
            .unwrap();
        let answer = channel.call(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        assert_eq!(UnaryResponse::decode(&answer[5..]).unwrap().text, home, "{user}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_does_not_go_by_keys_spreads_the_calls_for_one_user() {
    let network = Network::default();
    let _nodes = [start(&network, 1, "a"), start(&network, 2, "b"), start(&network, 3, "c")];
    let balance = BalanceConfig { by_hash_key: false, ..BalanceConfig::default() };
    let client = client(&network, ChannelConfig { balance, ..ChannelConfig::default() });
    warm_up(&client).await;
    let mut met = BTreeSet::new();
    for _ in 0..100 {
        met.insert(meets(&client, 0).await.unwrap());
    }
    assert!(met.len() > 1, "{met:?}");
}
