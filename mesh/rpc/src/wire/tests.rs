//! Both ends of a connection, over a pipe in memory.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture, future::join_all, stream};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex},
    sync::Notify,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::task::TaskTracker;

use super::*;

type Body = BoxBody<Bytes, Infallible>;
type Answer = BoxFuture<'static, Result<Response<Body>, Infallible>>;

const KEEPALIVE: KeepaliveSettings =
    KeepaliveSettings { interval: Duration::from_secs(30), timeout: Duration::from_secs(10) };

/// Answers with what a function says.
struct Service<A>(A);

impl<A: Fn(Request<Incoming>) -> Answer> Serve for Service<A> {
    type Call = Exchange<Answer, Body>;

    fn call(&mut self, request: Request<Incoming>, respond: Respond) -> Self::Call {
        respond.with((self.0)(request))
    }
}

/// A pipe that counts what is written into it.
struct Counted {
    io: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Both ends, and how often each has written.
struct Pair {
    client: SendRequest,
    client_writes: Arc<AtomicUsize>,
    server_writes: Arc<AtomicUsize>,
    carrying: JoinHandle<Result<(), ConnectionError>>,
    going_away: Arc<Notify>,
}

fn client_settings() -> ClientSettings {
    ClientSettings {
        keepalive: KEEPALIVE,
        max_header_list_size: 16 * 1024,
        initial_max_send_streams: 100,
        tasks: TaskTracker::new(),
    }
}

async fn pair(answer: impl Fn(Request<Incoming>) -> Answer + Send + 'static) -> Pair {
    let (here, there) = duplex(1024 * 1024);
    let (client_writes, server_writes) = (Arc::default(), Arc::default());
    let here = Counted { io: here, writes: Arc::clone(&client_writes) };
    let there = Counted { io: there, writes: Arc::clone(&server_writes) };
    let settings = ServerSettings {
        keepalive: KEEPALIVE,
        max_concurrent_streams: 100,
        max_header_list_size: 16 * 1024,
        max_rapid_resets: 20,
        guard: GuardSettings {
            max_age: None,
            max_age_grace: None,
            max_idle: None,
            frame_timeout: Duration::from_secs(10),
            min_ping_interval: Duration::from_secs(1),
        },
    };
    let mut server = ServerConnection::new(there, settings, TaskTracker::new(), Service(answer));
    let going_away = Arc::new(Notify::new());
    let told = Arc::clone(&going_away);
    tokio::spawn(async move {
        tokio::select! {
            _ = &mut server => return,
            () = told.notified() => server.graceful_shutdown(),
        }
        let _ = server.await;
    });
    let (client, connection) = client_settings().handshake(here).await.unwrap();
    Pair { client, client_writes, server_writes, carrying: tokio::spawn(connection), going_away }
}

fn request(text: &'static str) -> Request<Full<Bytes>> {
    Request::post("http://test/").body(Full::new(Bytes::from_static(text.as_bytes()))).unwrap()
}

/// Answers with what it got, and trailers.
fn echo(request: Request<Incoming>) -> Answer {
    Box::pin(async move {
        let bytes = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let trailers = HeaderMap::from_iter([(http::header::ETAG, "end".parse().unwrap())]);
        let frames = [Ok(Frame::data(bytes)), Ok(Frame::trailers(trailers))];
        Ok(Response::new(http_body_util::BodyExt::boxed(StreamBody::new(stream::iter(frames)))))
    })
}

async fn ask(client: &SendRequest, text: &'static str) -> Bytes {
    let response = client.clone().send(request(text)).unwrap().await.unwrap();
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()[http::header::ETAG], "end");
    collected.to_bytes()
}

#[tokio::test]
async fn a_call_comes_back_with_its_trailers() {
    let pair = pair(echo).await;
    assert_eq!(ask(&pair.client, "hello").await, "hello");
    assert_eq!(ask(&pair.client, "").await, "");
}

#[tokio::test]
async fn calls_made_together_leave_together_and_so_do_their_answers() {
    let pair = pair(echo).await;
    // What a connection says at its beginning is over.
    ask(&pair.client, "first").await;
    let writes = || (pair.client_writes.load(Ordering::Relaxed), pair.server_writes.load(Ordering::Relaxed));
    let before = writes();
    let answers = join_all((0..32).map(|_| ask(&pair.client, "hello"))).await;
    assert!(answers.iter().all(|answer| answer == "hello"));
    let after = writes();
    // One for the calls, and perhaps one for the window of a connection or the acknowledgement of a setting.
    assert!(after.0 - before.0 <= 2, "the client wrote {} times", after.0 - before.0);
    // The answers leave in two halves.
    assert!(after.1 - before.1 <= 3, "the server wrote {} times", after.1 - before.1);
}

#[tokio::test]
async fn a_call_that_waits_holds_up_no_other() {
    let (gate, held) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (opens, arrives) = (Arc::clone(&gate), Arc::clone(&held));
    let pair = pair(move |request| {
        let (gate, held) = (Arc::clone(&gate), Arc::clone(&held));
        Box::pin(async move {
            if request.uri().path() == "/wait" {
                held.notify_one();
                gate.notified().await;
            }
            echo(request).await
        })
    })
    .await;
    let mut waiting = request("late");
    *waiting.uri_mut() = "http://test/wait".parse().unwrap();
    let late = tokio::spawn(pair.client.clone().send(waiting).unwrap());
    arrives.notified().await;
    assert_eq!(ask(&pair.client, "now").await, "now");
    opens.notify_one();
    let late = late.await.unwrap().unwrap().into_body().collect().await.unwrap();
    assert_eq!(late.to_bytes(), "late");
}

#[tokio::test]
async fn whoever_drops_a_call_ends_its_handler() {
    struct Ends(Arc<Notify>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let (begun, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, ends) = (Arc::clone(&begun), Arc::clone(&ended));
    let pair = pair(move |_| {
        let (begun, guard) = (Arc::clone(&begun), Ends(Arc::clone(&ended)));
        Box::pin(async move {
            begun.notify_one();
            let _guard = guard;
            std::future::pending().await
        })
    })
    .await;
    let call = tokio::spawn(pair.client.clone().send(request("forget it")).unwrap());
    begins.notified().await;
    call.abort();
    timeout(Duration::from_secs(10), ends.notified()).await.unwrap();
}

#[tokio::test]
async fn a_body_is_made_no_faster_than_it_is_read() {
    const PIECES: usize = 1_000;
    const PIECE: usize = 16 * 1024;
    let made = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&made);
    let pair = pair(move |_| {
        let counts = Arc::clone(&counts);
        let pieces = stream::iter(0..PIECES).map(move |_| {
            counts.fetch_add(1, Ordering::Relaxed);
            Ok(Frame::data(Bytes::from(vec![7; PIECE])))
        });
        Box::pin(async move { Ok(Response::new(http_body_util::BodyExt::boxed(StreamBody::new(pieces)))) })
    })
    .await;
    let response = pair.client.clone().send(request("much")).unwrap().await.unwrap();
    // Everything that can go on without a reader has gone on.
    while {
        let before = made.load(Ordering::Relaxed);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        made.load(Ordering::Relaxed) > before
    } {}
    // The window of the stream is 2 MiB.
    assert!(made.load(Ordering::Relaxed) < 200, "{made:?} pieces were made");
    let collected = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!((collected.len(), made.load(Ordering::Relaxed)), (PIECES * PIECE, PIECES));
}

#[tokio::test]
async fn a_request_that_takes_its_time_is_sent_while_the_answer_is_read() {
    let pair = pair(|request| {
        let back = request.into_body().map_err(|_| unreachable!("the request is sound"));
        Box::pin(async move { Ok(Response::new(http_body_util::BodyExt::boxed(back))) })
    })
    .await;
    let (say, said) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    let said = stream::unfold(said, async |mut said| Some((said.recv().await?, said)));
    let words = StreamBody::new(Box::pin(said.map(|word| Ok::<_, Infallible>(Frame::data(word)))));
    let response =
        pair.client.clone().send(Request::post("http://test/").body(words).unwrap()).unwrap().await.unwrap();
    let mut answer = response.into_body();
    for word in ["one", "two"] {
        say.send(Bytes::from_static(word.as_bytes())).unwrap();
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), word);
    }
    drop(say);
    assert!(answer.frame().await.is_none());
}

#[tokio::test]
async fn who_drops_the_answer_ends_the_question() {
    let pair = pair(|request| {
        // Answers at once, and reads no further.
        Box::pin(async move {
            drop(request);
            Ok(Response::new(http_body_util::BodyExt::boxed(StreamBody::new(stream::pending()))))
        })
    })
    .await;
    let asked = Arc::new(());
    let held = Arc::clone(&asked);
    let endless = stream::pending::<Result<Frame<Bytes>, Infallible>>().map(move |frame| {
        let _ = &held;
        frame
    });
    let request = Request::post("http://test/").body(StreamBody::new(endless)).unwrap();
    let response = pair.client.clone().send(request).unwrap().await.unwrap();
    assert_eq!(Arc::strong_count(&asked), 2);
    drop(response);
    let ended = async {
        while Arc::strong_count(&asked) > 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), ended).await.unwrap();
}

#[tokio::test]
async fn after_goaway_a_request_comes_back_unsent() {
    let pair = pair(echo).await;
    assert_eq!(ask(&pair.client, "before").await, "before");
    pair.going_away.notify_one();
    pair.carrying.await.unwrap().unwrap();
    let unsent = pair.client.clone().send(request("after")).err().expect("it has not left");
    assert_eq!(unsent.request.into_body().collect().await.unwrap().to_bytes(), "after");
}

#[tokio::test]
async fn a_body_that_fails_resets_the_stream() {
    let pair = pair(echo).await;
    let frames = [Ok(Frame::data(Bytes::from_static(b"half"))), Err("broken")];
    let broken = StreamBody::new(stream::iter(frames));
    let unanswered =
        pair.client.clone().send(Request::post("http://test/").body(broken).unwrap()).unwrap().await;
    let error = unanswered.unwrap_err();
    assert_eq!(
        (error.reason(), error.is_remote(), error.is_library()),
        (Some(h2::Reason::CANCEL), false, false)
    );
    assert_eq!(ask(&pair.client, "others go on").await, "others go on");
}

/// A client whose other end never says anything.
async fn to_nobody() -> (ClientConnection<DuplexStream>, SendRequest, DuplexStream) {
    let (here, there) = duplex(1024 * 1024);
    let (sender, connection) = client_settings().handshake(here).await.unwrap();
    (connection, sender, there)
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_asked_and_given_up() {
    let (connection, _sender, _there) = to_nobody().await;
    let begun = Instant::now();
    assert!(matches!(connection.await, Err(ConnectionError::Silent)));
    assert_eq!(begun.elapsed().as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_answers_pings_lives_on() {
    let pair = pair(echo).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(!pair.carrying.is_finished());
    assert_eq!(ask(&pair.client, "still here").await, "still here");
}

#[tokio::test(start_paused = true)]
async fn whoever_was_heard_is_not_asked_before_it_is_silent_again() {
    use tokio::io::AsyncWriteExt as _;
    let (connection, _sender, mut there) = to_nobody().await;
    let begun = Instant::now();
    let carrying = tokio::spawn(connection);
    tokio::time::sleep(Duration::from_secs(20)).await;
    // An empty SETTINGS frame.
    there.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    assert!(matches!(carrying.await.unwrap(), Err(ConnectionError::Silent)));
    assert_eq!(begun.elapsed().as_secs(), 60);
}
