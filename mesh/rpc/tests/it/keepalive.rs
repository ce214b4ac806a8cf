//! Servers that are asked too often whether they live (gRFC A8).

use std::time::Duration;

use mesh_rpc::{Channel, Listener as _, ServerConfig, Target};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use crate::support::{
    Echo, Network, Node, address,
    frames::{GOAWAY, PING, PREFACE, SETTINGS, frame, next_of},
};

const ENHANCE_YOUR_CALM: u32 = 11;
const HOUR: Duration = Duration::from_secs(3_600);

/// When and with which words a connection is ended: at its first ping, or sooner.
type End = (Duration, &'static str);

/// Ends one connection after the other. After how many seconds of each that was.
fn impatient(network: &Network, ends: Vec<End>) -> mpsc::UnboundedReceiver<u64> {
    let mut listener = network.listen(1);
    let (say, pinged) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for (patience, words) in ends {
            let (mut io, _) = listener.accept().await.unwrap();
            let opened = Instant::now();
            io.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
            io.read_exact(&mut [0; PREFACE.len()]).await.unwrap();
            let _ = timeout(patience, next_of(&mut io, PING)).await;
            let goaway = [&[0; 4], &ENHANCE_YOUR_CALM.to_be_bytes(), words.as_bytes()].concat();
            io.write_all(&frame(GOAWAY, 0, 0, &goaway)).await.unwrap();
            say.send(opened.elapsed().as_secs()).unwrap();
        }
    });
    pinged
}

/// A channel that has a connection whenever it can.
async fn stays_connected(network: &Network) {
    let channel = Channel::builder(Target::fixed([address(1)])).connector(network.clone()).seed(1);
    let channel = channel.build().unwrap();
    loop {
        channel.ready().await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
}

/// After how many seconds each connection of one channel was ended.
async fn ended(ends: &[End]) -> Vec<u64> {
    let network = Network::default();
    let mut pinged = impatient(&network, ends.to_vec());
    let mut seconds = Vec::new();
    let all = async {
        while seconds.len() < ends.len() {
            seconds.push(pinged.recv().await.unwrap());
        }
    };
    tokio::select! {
        () = all => {}
        () = stays_connected(&network) => {}
        () = sleep(HOUR) => panic!("the connection is asked no more"),
    }
    seconds
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_too_often_is_asked_half_as_often_from_then_on() {
    assert_eq!(ended(&[(HOUR, "too_many_pings"); 4]).await, [30, 60, 120, 240]);
    // As servers over h2 say it, which send no words along.
    assert_eq!(ended(&[(HOUR, ""); 3]).await, [30, 60, 120]);
}

#[tokio::test(start_paused = true)]
async fn calm_that_is_asked_for_another_reason_is_not_about_pings() {
    assert_eq!(ended(&[(HOUR, "too_many_resets"); 3]).await, [30; 3]);
    // Nobody has asked anything before: whatever it means, it is not that.
    let sooner = Duration::from_secs(29);
    assert_eq!(ended(&[(sooner, ""), (HOUR, "too_many_resets"), (HOUR, "")]).await, [29, 30, 30]);
}

/// A server of the mesh answers the ping that was too much, and then says so.
#[tokio::test(start_paused = true)]
async fn a_server_of_the_mesh_that_wants_few_pings_gets_few_in_the_end() {
    let network = Network::default();
    let config = ServerConfig { min_ping_interval: Duration::from_secs(300), ..ServerConfig::default() };
    // Nor does it say anything by itself.
    let config = ServerConfig { keepalive_interval: 24 * HOUR, max_connection_age: None, ..config };
    let config = ServerConfig { max_connection_idle: None, ..config };
    let _node = Node::start_at(&network, 1, Echo::default(), |server| server.config(config));
    let _ = timeout(6 * HOUR, stays_connected(&network)).await;
    // With 30 s, 1, 2 and 4 minutes it was cut; with 8 it is not.
    assert_eq!(network.attempts(1), 5);
}
