use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};

use super::*;

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A server that sends back what it gets.
struct Echo {
    proxy: Proxy,
    _serving: JoinSet<()>,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind(ANY).await.unwrap();
        let proxy = Proxy::listen(ANY, listener.local_addr().unwrap()).await.unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut sessions = JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                sessions.spawn(async move {
                    let (mut from, mut to) = stream.split();
                    drop(tokio::io::copy(&mut from, &mut to).await);
                });
            }
        });
        Self { proxy, _serving: serving }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect(self.proxy.address()).await
    }

    /// A connection that works.
    async fn connected(&self) -> TcpStream {
        let mut stream = self.connect().await.unwrap();
        assert_eq!(said(&mut stream, b"hello").await.unwrap(), b"hello");
        stream
    }
}

/// What comes back.
async fn said(stream: &mut TcpStream, words: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(words).await?;
    let mut heard = vec![0; words.len()];
    stream.read_exact(&mut heard).await?;
    Ok(heard)
}

/// Reads until a connection is reset.
async fn reset(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    let error = stream.read_to_end(&mut heard).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    heard
}

#[tokio::test]
async fn a_whole_link_carries_everything_and_its_end() {
    let echo = Echo::start().await;
    let mut stream = echo.connected().await;
    let sent: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let (mut from, mut to) = stream.split();
    let sending = async {
        to.write_all(&sent).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let mut heard = Vec::new();
    let (_, read) = tokio::join!(sending, from.read_to_end(&mut heard));
    read.unwrap();
    assert!(heard == sent);
    while echo.proxy.open() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whoever_is_refused_can_come_again_when_it_is_healed() {
    let echo = Echo::start().await;
    let mut stream = echo.connected().await;
    echo.proxy.set(Fault::Refuse).await.unwrap();
    assert_eq!(echo.connect().await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    reset(&mut stream).await;
    // Nobody else gets the port meanwhile, by chance or on purpose.
    let taken = TcpListener::bind(echo.proxy.address()).await;
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::AddrInUse);
    echo.proxy.heal().await.unwrap();
    echo.connected().await;
}

#[tokio::test]
async fn what_is_reset_is_accepted_first() {
    let echo = Echo::start().await;
    let mut stream = echo.connected().await;
    echo.proxy.set(Fault::Reset).await.unwrap();
    reset(&mut stream).await;
    reset(&mut echo.connect().await.unwrap()).await;
    echo.proxy.heal().await.unwrap();
    echo.connected().await;
}

#[tokio::test]
async fn what_is_swallowed_comes_when_it_is_healed_and_the_other_direction_is_free() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let listener = TcpListener::bind(ANY).await.unwrap();
        let proxy = Proxy::listen(ANY, listener.local_addr().unwrap()).await.unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(proxy.address()), listener.accept());
        let (client, server) = (client.unwrap(), server.unwrap().0);
        let (mut from, mut to) =
            if direction == Direction::ToServer { (client, server) } else { (server, client) };
        proxy.set(Fault::Blackhole(direction)).await.unwrap();
        from.write_all(b"lost?").await.unwrap();
        to.write_all(b"free").await.unwrap();
        let mut heard = [0; 4];
        from.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"free");
        let nothing = to.try_read(&mut heard).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock, "{direction:?}");
        proxy.heal().await.unwrap();
        let mut heard = [0; 5];
        to.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"lost?");
    }
}

#[tokio::test]
async fn what_is_delayed_comes_that_much_later_both_ways() {
    let echo = Echo::start().await;
    let mut stream = echo.connected().await;
    let delay = Duration::from_millis(100);
    echo.proxy.set(Fault::Delay(delay)).await.unwrap();
    let begin = Instant::now();
    assert_eq!(said(&mut stream, b"slow").await.unwrap(), b"slow");
    // Not earlier; how much later is up to the machine.
    assert!(begin.elapsed() >= delay * 2);
    // An hour ends when it is healed.
    echo.proxy.set(Fault::Delay(Duration::from_secs(3600))).await.unwrap();
    stream.write_all(b"slower").await.unwrap();
    echo.proxy.heal().await.unwrap();
    let mut heard = [0; 6];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"slower");
}

#[tokio::test]
async fn a_connection_is_cut_after_so_many_bytes_and_so_is_the_next_one() {
    let echo = Echo::start().await;
    let mut stream = echo.connected().await;
    echo.proxy.set(Fault::Cut { direction: Direction::ToClient, bytes: 7 }).await.unwrap();
    for _ in 0..2 {
        assert_eq!(said(&mut stream, b"five.").await.unwrap(), b"five.");
        stream.write_all(b"five more").await.unwrap();
        // A reset may overtake what was sent before it.
        let heard = reset(&mut stream).await;
        assert!(b"fi".starts_with(&heard[..]), "{heard:?}");
        stream = echo.connect().await.unwrap();
    }
    echo.proxy.heal().await.unwrap();
    echo.connected().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_resets_its_clients() {
    let gone = TcpListener::bind(ANY).await.unwrap().local_addr().unwrap();
    let proxy = Proxy::listen(ANY, gone).await.unwrap();
    reset(&mut TcpStream::connect(proxy.address()).await.unwrap()).await;
}
