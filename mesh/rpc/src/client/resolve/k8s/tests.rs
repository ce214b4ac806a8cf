//! Against an API server that is a socket of this very process and says what the test says.

use std::{net::SocketAddr, pin::pin, sync::Arc};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::client::{
    ChannelConfig, Target,
    balance::{
        Absent,
        doubles::{Nowhere, wires},
    },
    target::Kind,
};

/// The API server.
struct Server(TcpListener);

/// A request, and the connection to answer it on.
struct Asked {
    path: String,
    stream: TcpStream,
}

impl Server {
    async fn next(&self) -> Asked {
        let (stream, _) = self.0.accept().await.unwrap();
        let mut reader = BufReader::new(stream);
        let (mut first, mut line) = (String::new(), String::new());
        reader.read_line(&mut first).await.unwrap();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).await.unwrap();
        }
        let path = first.split(' ').nth(1).unwrap().to_owned();
        assert!(path.starts_with(
            "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Duser&"
        ));
        Asked { path, stream: reader.into_inner() }
    }

    /// The next request, which must be for a list; answers it.
    async fn lists(&self, version: &str, slices: &[Value]) {
        self.next().await.list(json!({ "resourceVersion": version }), slices).await;
    }

    /// The next request, which must be for a watch from `version`.
    async fn watches(&self, version: &str) -> Asked {
        let mut asked = self.next().await;
        assert!(asked.path.contains("&watch=1&allowWatchBookmarks=true&"), "{}", asked.path);
        assert!(asked.path.contains(&format!("&resourceVersion={version}&")), "{}", asked.path);
        asked
            .write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        asked
    }
}

impl Asked {
    async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    async fn list(self, meta: Value, slices: &[Value]) {
        assert!(self.path.contains("&limit="), "{}", self.path);
        self.answer(200, &json!({ "kind": "EndpointSliceList", "metadata": meta, "items": slices })).await;
    }

    async fn answer(mut self, status: u16, body: &Value) {
        let body = body.to_string();
        self.write(&format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
    }

    /// A part of the answer, whole lines or not.
    async fn part(&mut self, text: &str) {
        self.write(&format!("{:x}\r\n{text}\r\n", text.len())).await;
    }

    async fn event(&mut self, kind: &str, object: Value) {
        self.part(&format!("{}\n", json!({ "type": kind, "object": object }))).await;
    }

    /// The end of a watch whose time is over.
    async fn end(mut self) {
        self.write("0\r\n\r\n").await;
    }
}

fn endpoint(last: u8, ready: bool) -> Value {
    json!({ "addresses": [format!("10.0.0.{last}")], "conditions": { "ready": ready, "serving": true, "terminating": !ready }, "zone": "z1" })
}

fn slice(name: &str, version: &str, endpoints: &[Value]) -> Value {
    json!({
        "metadata": { "name": name, "resourceVersion": version },
        "addressType": "IPv4",
        "ports": [{ "name": "grpc", "port": 50051 }],
        "endpoints": endpoints,
    })
}

fn with(name: &str, version: &str, ready: &[u8]) -> Value {
    slice(name, version, &ready.iter().map(|last| endpoint(*last, true)).collect::<Vec<_>>())
}

/// A service that is followed.
struct Followed {
    server: Server,
    directory: Arc<Directory>,
}

async fn follow() -> Followed {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let config = ChannelConfig {
        backoff_initial: Duration::from_millis(1),
        backoff_max: Duration::from_millis(5),
        ..ChannelConfig::default()
    };
    let port =
        ServicePort { namespace: "shop".to_owned(), service: "user".to_owned(), port: "grpc".to_owned() };
    let wires = wires(Nowhere, config);
    let directory = Arc::new(Directory::new(Target(Kind::K8s(port.clone())), Arc::clone(&wires)));
    let account = Account { server: Ok((at.ip().to_string(), at.port())), folder: None };
    let api = Api::new(account, &port, wires.config.connect_timeout, wires.tasks.clone());
    let followed = Arc::clone(&directory);
    tokio::spawn(async move { watch(&followed, &api, &port).await });
    Followed { server: Server(listener), directory }
}

impl Followed {
    fn pods(&self) -> Vec<u8> {
        let last = |address: SocketAddr| match address {
            SocketAddr::V4(address) => address.ip().octets()[3],
            SocketAddr::V6(_) => 0,
        };
        self.directory.snapshot().members.all.iter().map(|endpoint| last(endpoint.key())).collect()
    }

    /// Waits until the service has these pods.
    async fn has(&self, pods: &[u8]) {
        self.wait(|| self.pods() == pods).await;
    }

    async fn wait(&self, is_so: impl Fn() -> bool) {
        loop {
            let mut changed = pin!(self.directory.changed());
            changed.as_mut().enable();
            if is_so() {
                return;
            }
            changed.await;
        }
    }

    fn cause(&self) -> Option<String> {
        match &self.directory.snapshot().absent {
            Absent::Failed(error) => Some(error.to_string()),
            Absent::Coming => None,
        }
    }
}

#[tokio::test]
async fn pods_come_and_go_as_the_watch_tells() {
    let user = follow().await;
    user.server.lists("7", &[with("a", "5", &[1]), with("b", "6", &[2])]).await;
    user.has(&[1, 2]).await;
    let mut watch = user.server.watches("7").await;
    watch.event("MODIFIED", with("a", "8", &[1, 3])).await;
    user.has(&[1, 2, 3]).await;
    watch.event("ADDED", with("c", "9", &[4])).await;
    user.has(&[1, 2, 3, 4]).await;
    watch.event("DELETED", with("b", "10", &[2])).await;
    user.has(&[1, 3, 4]).await;
    // In two parts, as packets come.
    let event = json!({ "type": "MODIFIED", "object": with("a", "11", &[1]) }).to_string();
    let (one, other) = event.split_at(20);
    watch.part(one).await;
    watch.part(&format!("{other}\n")).await;
    user.has(&[1, 4]).await;
}

#[tokio::test]
async fn pods_that_stop_are_used_only_when_no_other_is_left() {
    let user = follow().await;
    user.server.lists("1", &[with("a", "1", &[1, 2])]).await;
    let mut watch = user.server.watches("1").await;
    watch.event("MODIFIED", slice("a", "2", &[endpoint(1, false), endpoint(2, true)])).await;
    user.has(&[2]).await;
    watch.event("MODIFIED", slice("a", "3", &[endpoint(1, false), endpoint(2, false)])).await;
    user.has(&[1, 2]).await;
    watch.event("MODIFIED", slice("a", "4", &[endpoint(1, false), endpoint(3, true)])).await;
    user.has(&[3]).await;
}

#[tokio::test]
async fn a_watch_that_ends_or_breaks_goes_on_from_the_last_version() {
    let user = follow().await;
    user.server.lists("1", &[with("a", "1", &[1])]).await;
    let mut watch = user.server.watches("1").await;
    watch
        .event("BOOKMARK", json!({ "kind": "EndpointSlice", "metadata": { "resourceVersion": "20" } }))
        .await;
    watch.end().await;
    let mut watch = user.server.watches("20").await;
    watch.event("MODIFIED", with("a", "21", &[1, 2])).await;
    user.has(&[1, 2]).await;
    // In the middle of an answer.
    drop(watch);
    let mut watch = user.server.watches("21").await;
    watch.event("MODIFIED", with("a", "22", &[3])).await;
    user.has(&[3]).await;
}

#[tokio::test]
async fn a_version_that_the_server_has_forgotten_makes_all_be_listed_anew() {
    let user = follow().await;
    user.server.lists("1", &[with("a", "1", &[1]), with("b", "1", &[2])]).await;
    let mut watch = user.server.watches("1").await;
    watch.event("ERROR", json!({ "kind": "Status", "code": 410, "reason": "Expired" })).await;
    // A slice that went in the meantime is gone with the list.
    user.server.lists("50", &[with("a", "40", &[1])]).await;
    user.has(&[1]).await;
    drop(user.server.watches("50").await);
    // The same as the answer to the request itself.
    let refused = user.server.next().await;
    refused.answer(410, &json!({ "kind": "Status", "code": 410, "message": "too old" })).await;
    user.server.lists("90", &[with("c", "80", &[9])]).await;
    user.has(&[9]).await;
}

#[tokio::test]
async fn what_was_known_stays_while_the_server_is_in_trouble() {
    let user = follow().await;
    let refused = user.server.next().await;
    refused.answer(403, &json!({ "kind": "Status", "message": "endpointslices is forbidden" })).await;
    user.wait(|| user.cause().is_some()).await;
    assert_eq!(
        user.cause().unwrap(),
        "no endpoint for k8s:///shop/user:grpc: the API server answers 403 Forbidden: endpointslices is forbidden"
    );
    user.server.lists("1", &[with("a", "1", &[1])]).await;
    user.has(&[1]).await;
    let mut watch = user.server.watches("1").await;
    watch.event("ERROR", json!({ "kind": "Status", "code": 500, "message": "etcd" })).await;
    for _ in 0..3 {
        // Neither an answer that is none nor one that is no list of slices.
        drop(user.server.next().await);
        user.server.next().await.answer(200, &json!({ "kind": "Table" })).await;
    }
    assert_eq!(user.pods(), [1]);
    user.server.lists("9", &[with("a", "9", &[2])]).await;
    user.has(&[2]).await;
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let user = follow().await;
    let first = user.server.next().await;
    assert!(!first.path.contains("continue="), "{}", first.path);
    first.list(json!({ "resourceVersion": "5", "continue": "a=/b" }), &[with("a", "1", &[1])]).await;
    let second = user.server.next().await;
    assert!(second.path.ends_with("&continue=a%3D%2Fb"), "{}", second.path);
    second.list(json!({ "resourceVersion": "5" }), &[with("b", "1", &[2])]).await;
    user.has(&[1, 2]).await;
    user.server.watches("5").await;
}

#[tokio::test]
async fn a_line_that_does_not_end_is_not_collected_for_ever() {
    let user = follow().await;
    user.server.lists("1", &[with("a", "1", &[1])]).await;
    let mut watch = user.server.watches("1").await;
    let part = "x".repeat(1024 * 1024);
    for _ in 0..5 {
        let chunk = format!("{:x}\r\n{part}\r\n", part.len());
        if watch.stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    user.server.lists("2", &[with("a", "2", &[2])]).await;
    user.has(&[2]).await;
}
