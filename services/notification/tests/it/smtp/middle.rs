//! Somebody between us and the relay, who adds answers in the clear to the one after which TLS begins.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp},
    task::JoinSet,
};

/// All that a mail is answered on its way: the greeting after TLS, sender, recipient, "go on", "kept".
const ADDED: &[u8] = b"250-relay\r\n250 8BITMIME\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 kept\r\n";

/// A proxy on a port of its own; it is gone when it is dropped.
pub(super) struct Middle {
    pub(super) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Middle {
    pub(super) async fn between(relay: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, mut tasks) = (listener.local_addr().unwrap(), JoinSet::new());
        tasks.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                // Either side may leave whenever it likes.
                conversations.spawn(async move { drop(listen_in(client, relay).await) });
            }
        });
        Self { address, _tasks: tasks }
    }
}

async fn listen_in(client: TcpStream, relay: SocketAddr) -> io::Result<()> {
    let (from_client, to_client) = client.into_split();
    let (from_relay, to_relay) = TcpStream::connect(relay).await?.into_split();
    let is_asked = Arc::new(AtomicBool::new(false));
    let there = pass_on(from_client, to_relay, is_asked.clone());
    tokio::try_join!(there, add(from_relay, to_client, is_asked)).map(drop)
}

async fn pass_on(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    is_asked: Arc<AtomicBool>,
) -> io::Result<()> {
    let mut chunk = [0; 4_096];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        is_asked.fetch_or(chunk.starts_with(b"STARTTLS"), Ordering::SeqCst);
        to.write_all(&chunk[..read]).await?;
    }
}

async fn add(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    is_asked: Arc<AtomicBool>,
) -> io::Result<()> {
    let mut chunk = [0; 4_096];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let mut said = chunk[..read].to_vec();
        if is_asked.swap(false, Ordering::SeqCst) {
            said.extend_from_slice(ADDED);
        }
        to.write_all(&said).await?;
    }
}
