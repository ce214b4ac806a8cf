//! Servers that are asked too often whether they live (gRFC A8).

use std::time::Duration;

use mesh_rpc::{Channel, Listener as _, Target};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use crate::support::{
    Network, address,
    frames::{GOAWAY, PING, PREFACE, SETTINGS, frame, next_of},
};

const ENHANCE_YOUR_CALM: u32 = 11;

/// Ends every connection with these words, at its first ping or sooner. After how many seconds that was.
fn impatient(network: &Network, words: &'static [u8], patience: Duration) -> mpsc::UnboundedReceiver<u64> {
    let mut listener = network.listen(1);
    let (say, pinged) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut io, _)) = listener.accept().await {
            let opened = Instant::now();
            io.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
            io.read_exact(&mut [0; PREFACE.len()]).await.unwrap();
            let _ = timeout(patience, next_of(&mut io, PING)).await;
            let goaway = [&[0; 4], &ENHANCE_YOUR_CALM.to_be_bytes(), words].concat();
            io.write_all(&frame(GOAWAY, 0, 0, &goaway)).await.unwrap();
            say.send(opened.elapsed().as_secs()).unwrap();
        }
    });
    pinged
}

const HOUR: Duration = Duration::from_secs(3_600);

/// After how many seconds each of so many connections was ended.
async fn ends(words: &'static [u8], patience: Duration, connections: usize) -> Vec<u64> {
    let network = Network::default();
    let mut pinged = impatient(&network, words, patience);
    let channel = Channel::builder(Target::fixed([address(1)])).connector(network).seed(1).build().unwrap();
    let stays_connected = async {
        loop {
            channel.ready().await.unwrap();
            sleep(Duration::from_millis(100)).await;
        }
    };
    let mut seconds = Vec::new();
    let all = async {
        while seconds.len() < connections {
            seconds.push(pinged.recv().await.unwrap());
        }
    };
    tokio::select! {
        () = all => {}
        () = stays_connected => {}
        () = sleep(HOUR) => panic!("the connection is asked no more"),
    }
    seconds
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_too_often_is_asked_half_as_often_from_then_on() {
    assert_eq!(ends(b"too_many_pings", HOUR, 4).await, [30, 60, 120, 240]);
    // As servers over h2 say it, which send no words along.
    assert_eq!(ends(b"", HOUR, 3).await, [30, 60, 120]);
}

#[tokio::test(start_paused = true)]
async fn calm_that_is_asked_for_another_reason_is_not_about_pings() {
    assert_eq!(ends(b"too_many_resets", HOUR, 3).await, [30; 3]);
    // Nobody has asked anything: these have not come to their first ping.
    assert_eq!(ends(b"", Duration::from_secs(29), 3).await, [29; 3]);
    let patience = Duration::from_secs(31);
    assert_eq!(ends(b"too_many_resets", patience, 3).await, [30; 3], "the interval is the same");
}
