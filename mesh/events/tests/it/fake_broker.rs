//! A broker that does as a test says. It speaks just enough of AMQP 0-9-1, in bytes of its own, for a bus to work
//! with it.

use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use mesh_events::rabbitmq::RabbitConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;

/// What the broker does with what is published.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// So many messages of a channel are confirmed together; 0: none ever is.
    pub(crate) confirms: u64,
    /// The messages of such a batch, counted from 0, that come back.
    pub(crate) returns: BTreeSet<u64>,
}

/// What a client says first to an address of this scheme.
pub(crate) async fn first_bytes(scheme: &str) -> [u8; 3] {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address");
    let uri = format!("{scheme}://guest:guest@{address}/%2f").parse().expect("address");
    let bus = mesh_events::rabbitmq::RabbitBus::open(RabbitConfig::new(uri));
    let (mut socket, _) = listener.accept().await.expect("accept");
    let mut first = [0; 3];
    socket.read_exact(&mut first).await.expect("read");
    drop(bus);
    first
}

/// A broker under a test's hand. Its connections end with the test's runtime.
pub(crate) struct FakeBroker {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    script: Mutex<Script>,
    /// The connections that confirm, which are those that publish.
    publishers: Mutex<Vec<mpsc::UnboundedSender<Vec<u8>>>>,
    /// What is delivered to the next consumer.
    delivers: Mutex<Option<Content>>,
    /// The last message that was published.
    last: Mutex<Option<Content>>,
    acked: Mutex<Vec<u64>>,
}

/// A message, as it came.
#[derive(Clone, Debug, Default)]
struct Content {
    exchange: Vec<u8>,
    key: Vec<u8>,
    header: Vec<u8>,
    size: u64,
    body: Vec<u8>,
}

impl FakeBroker {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let (address, shared) = (listener.local_addr().expect("address"), Arc::new(Shared::default()));
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(Session::new(socket, Arc::clone(&serving)).run());
            }
        });
        Self { address, shared }
    }

    pub(crate) fn config(&self) -> RabbitConfig {
        RabbitConfig::new(format!("amqp://guest:guest@{}/%2f", self.address).parse().expect("address"))
    }

    pub(crate) fn follow(&self, script: Script) {
        *self.shared.script.lock().expect("lock") = script;
    }

    /// Delivers the message that was published last to the next consumer.
    pub(crate) fn deliver_last(&self) {
        let last = self.shared.last.lock().expect("lock").clone();
        *self.shared.delivers.lock().expect("lock") = last;
    }

    /// Says to publishers that they are blocked.
    pub(crate) fn block(&self) {
        self.tell_publishers(&[&[0, 10, 0, 60][..], &short(b"low on memory")].concat());
    }

    /// Says to publishers that they are blocked no more.
    pub(crate) fn unblock(&self) {
        self.tell_publishers(&[0, 10, 0, 61]);
    }

    /// The delivery tags that were acknowledged.
    pub(crate) fn acked(&self) -> Vec<u64> {
        self.shared.acked.lock().expect("lock").clone()
    }

    fn tell_publishers(&self, method: &[u8]) {
        for publisher in &*self.shared.publishers.lock().expect("lock") {
            let _ = publisher.send(frame(METHOD, 0, method));
        }
    }
}

/// One connection.
struct Session {
    socket: TcpStream,
    shared: Arc<Shared>,
    contents: HashMap<u16, Content>,
    published: HashMap<u16, u64>,
    sender: mpsc::UnboundedSender<Vec<u8>>,
    pushed: mpsc::UnboundedReceiver<Vec<u8>>,
}

impl Session {
    fn new(socket: TcpStream, shared: Arc<Shared>) -> Self {
        let (sender, pushed) = mpsc::unbounded_channel();
        Self { socket, shared, contents: HashMap::new(), published: HashMap::new(), sender, pushed }
    }

    /// Serves until the client goes.
    async fn run(mut self) {
        let mut header = [0; 8];
        if self.socket.read_exact(&mut header).await.is_err() {
            return;
        }
        let start = [&[0, 10, 0, 10, 0, 9, 0, 0, 0, 0][..], &long(b"PLAIN"), &long(b"en_US")].concat();
        let mut answer = frame(METHOD, 0, &start);
        let mut received = Vec::new();
        loop {
            if self.socket.write_all(&answer).await.is_err() {
                return;
            }
            answer = match take_frame(&mut received) {
                Some((kind, channel, payload)) => self.answer(kind, channel, &payload),
                None => tokio::select! {
                    read = self.socket.read_buf(&mut received) => match read {
                        Ok(0) | Err(_) => return,
                        Ok(_) => Vec::new(),
                    },
                    Some(pushed) = self.pushed.recv() => pushed,
                },
            };
        }
    }

    fn answer(&mut self, kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
        match kind {
            METHOD => self.method(channel, payload),
            HEADER => {
                let content = self.contents.entry(channel).or_default();
                content.header = payload.to_vec();
                content.size = u64::from_be_bytes(payload[4..12].try_into().expect("8 bytes"));
                self.complete(channel)
            }
            BODY => {
                self.contents.entry(channel).or_default().body.extend(payload);
                self.complete(channel)
            }
            _ => Vec::new(),
        }
    }

    fn method(&mut self, channel: u16, payload: &[u8]) -> Vec<u8> {
        let ids =
            (u16::from_be_bytes([payload[0], payload[1]]), u16::from_be_bytes([payload[2], payload[3]]));
        let arguments = &payload[4..];
        let answer = |bytes: &[&[u8]]| frame(METHOD, channel, &bytes.concat());
        match ids {
            (10, 11) => answer(&[&[0, 10, 0, 30, 7, 255, 0, 2, 0, 0, 0, 0]]),
            (10, 40) => answer(&[&[0, 10, 0, 41, 0]]),
            (10, 50) => answer(&[&[0, 10, 0, 51]]),
            (20, 10) => answer(&[&[0, 20, 0, 11, 0, 0, 0, 0]]),
            (20, 20) => answer(&[&[0, 20, 0, 21, 1]]),
            (20, 40) => answer(&[&[0, 20, 0, 41]]),
            (40, 10) => answer(&[&[0, 40, 0, 11]]),
            (50, 10) => answer(&[&[0, 50, 0, 11], &short(short_at(&arguments[2..])), &[0; 8]]),
            (50, 20) => answer(&[&[0, 50, 0, 21]]),
            (50, 50) => answer(&[&[0, 50, 0, 51]]),
            (60, 10) => answer(&[&[0, 60, 0, 11]]),
            (60, 20) => {
                let queue = short_at(&arguments[2..]);
                let tag = short_at(&arguments[3 + queue.len()..]).to_vec();
                let delivery = self.shared.delivers.lock().expect("lock").take();
                let delivery = delivery.map_or_else(Vec::new, |content| {
                    let method = [&[0, 60, 0, 60][..], &short(&tag), &1_u64.to_be_bytes(), &[0]].concat();
                    content.frames(channel, &method)
                });
                [answer(&[&[0, 60, 0, 21], &short(&tag)]), delivery].concat()
            }
            (60, 30) => answer(&[&[0, 60, 0, 31], &short(short_at(arguments))]),
            (60, 40) => {
                let exchange = short_at(&arguments[2..]).to_vec();
                let key = short_at(&arguments[3 + exchange.len()..]).to_vec();
                self.contents.insert(channel, Content { exchange, key, ..Content::default() });
                Vec::new()
            }
            (60, 80) => {
                let tag = u64::from_be_bytes(arguments[..8].try_into().expect("8 bytes"));
                self.shared.acked.lock().expect("lock").push(tag);
                Vec::new()
            }
            (85, 10) => {
                self.shared.publishers.lock().expect("lock").push(self.sender.clone());
                answer(&[&[0, 85, 0, 11]])
            }
            _ => Vec::new(),
        }
    }

    /// Acts on a message when all of it is there: returns it if the script says so, and confirms the batch that it
    /// completes.
    fn complete(&mut self, channel: u16) -> Vec<u8> {
        let is_complete = self.contents.get(&channel).is_some_and(|it| it.body.len() as u64 == it.size);
        if !is_complete {
            return Vec::new();
        }
        let content = self.contents.remove(&channel).unwrap_or_default();
        *self.shared.last.lock().expect("lock") = Some(content.clone());
        let script = self.shared.script.lock().expect("lock").clone();
        let published = self.published.entry(channel).or_default();
        *published += 1;
        let mut answer = Vec::new();
        if script.confirms > 0 && script.returns.contains(&((*published - 1) % script.confirms)) {
            let method = [&[0, 60, 0, 50, 1, 56][..], &short(b"NO_ROUTE")].concat();
            answer.extend(content.frames(channel, &method));
        }
        if script.confirms > 0 && published.is_multiple_of(script.confirms) {
            let ack = [&[0, 60, 0, 80][..], &published.to_be_bytes(), &[1]].concat();
            answer.extend(frame(METHOD, channel, &ack));
        }
        answer
    }
}

impl Content {
    /// The frames of a method that carries this message; the exchange and the key end its arguments.
    fn frames(&self, channel: u16, method: &[u8]) -> Vec<u8> {
        let method = [method, &short(&self.exchange), &short(&self.key)].concat();
        let mut frames = frame(METHOD, channel, &method);
        frames.extend(frame(HEADER, channel, &self.header));
        if !self.body.is_empty() {
            frames.extend(frame(BODY, channel, &self.body));
        }
        frames
    }
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&[kind][..], &channel.to_be_bytes(), &length, payload, &[0xce]].concat()
}

fn take_frame(received: &mut Vec<u8>) -> Option<(u8, u16, Vec<u8>)> {
    let length = u32::from_be_bytes(received.get(3..7)?.try_into().ok()?) as usize;
    let frame: Vec<u8> = (received.len() >= length + 8).then(|| received.drain(..length + 8).collect())?;
    Some((frame[0], u16::from_be_bytes([frame[1], frame[2]]), frame[7..7 + length].to_vec()))
}

fn short(text: &[u8]) -> Vec<u8> {
    [&[text.len() as u8][..], text].concat()
}

fn long(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes()[..], text].concat()
}

fn short_at(bytes: &[u8]) -> &[u8] {
    &bytes[1..1 + usize::from(bytes[0])]
}
