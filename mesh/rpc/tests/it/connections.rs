//! More connections than a server takes.

use std::time::Duration;

use echo::UnaryRequest;
use mesh_rpc::ServerConfig;
use tokio::time::Instant;
use tonic::{Code, Request, Status};

use crate::support::{Echo, EchoClient, Network, Node, channel};

async fn say(client: &EchoClient, text: &str) -> Result<String, Status> {
    let mut request = Request::new(UnaryRequest { text: text.to_owned() });
    request.set_timeout(Duration::from_secs(60));
    Ok(client.clone().unary(request).await?.into_inner().text)
}

fn start(network: &Network, port: u16) -> Node {
    let config = ServerConfig { max_connections: 1, ..ServerConfig::default() };
    Node::start_at(network, port, Echo::default(), |server| server.config(config))
}

#[tokio::test(start_paused = true)]
async fn one_too_many_is_told_at_once_and_the_others_go_on() {
    let network = Network::default();
    let _node = start(&network, 1);
    let first = EchoClient::new(channel(&network, &[1]));
    assert_eq!(say(&first, "hello").await.unwrap(), "hello");
    let begun = Instant::now();
    let second = EchoClient::new(channel(&network, &[1]));
    let status = say(&second, "hello").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(say(&first, "still here").await.unwrap(), "still here");
    drop(first);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(say(&second, "now").await.unwrap(), "now");
}

#[tokio::test(start_paused = true)]
async fn who_is_turned_away_calls_another_server() {
    let network = Network::default();
    let (_full, _free) = (start(&network, 1), start(&network, 2));
    let first = EchoClient::new(channel(&network, &[1]));
    say(&first, "hello").await.unwrap();
    let second = EchoClient::new(channel(&network, &[1, 2]));
    for _ in 0..20 {
        assert_eq!(say(&second, "hello").await.unwrap(), "hello");
    }
}
