//! Servers that are asked too often whether they live (gRFC A8).

use std::time::Duration;

use mesh_rpc::{Channel, Listener as _, Target};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
    time::{Instant, sleep},
};

use crate::support::{
    Network, address,
    frames::{GOAWAY, PING, PREFACE, SETTINGS, frame, next_of},
};

const ENHANCE_YOUR_CALM: u32 = 11;

/// Ends every connection at its first ping with these words. After how many seconds each of them came.
fn impatient(network: &Network, words: &'static [u8]) -> mpsc::UnboundedReceiver<u64> {
    let mut listener = network.listen(1);
    let (say, pinged) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut io, _)) = listener.accept().await {
            let opened = Instant::now();
            io.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
            io.read_exact(&mut [0; PREFACE.len()]).await.unwrap();
            next_of(&mut io, PING).await.unwrap();
            let goaway = [&[0; 4], &ENHANCE_YOUR_CALM.to_be_bytes(), words].concat();
            io.write_all(&frame(GOAWAY, 0, 0, &goaway)).await.unwrap();
            say.send(opened.elapsed().as_secs()).unwrap();
        }
    });
    pinged
}

/// After how many seconds each of so many connections was pinged for the first time.
async fn pings(words: &'static [u8], connections: usize) -> Vec<u64> {
    let network = Network::default();
    let mut pinged = impatient(&network, words);
    let channel = Channel::builder(Target::fixed([address(1)])).connector(network).seed(1).build().unwrap();
    let stays_connected = async {
        loop {
            channel.ready().await.unwrap();
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::pin!(stays_connected);
    let mut seconds = Vec::new();
    while seconds.len() < connections {
        tokio::select! {
            ping = pinged.recv() => seconds.push(ping.unwrap()),
            () = &mut stays_connected => {}
        }
    }
    seconds
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_too_often_is_asked_half_as_often_from_then_on() {
    assert_eq!(pings(b"too_many_pings", 4).await, [30, 60, 120, 240]);
    // As servers over h2 say it, which send no words along.
    assert_eq!(pings(b"", 3).await, [30, 60, 120]);
}

#[tokio::test(start_paused = true)]
async fn calm_that_is_asked_for_another_reason_is_not_about_pings() {
    assert_eq!(pings(b"too_many_resets", 3).await, [30, 30, 30]);
}
