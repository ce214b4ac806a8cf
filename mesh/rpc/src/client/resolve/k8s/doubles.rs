//! An API server that is a socket of this very process and says what the test says.

use std::{net::SocketAddr, path::PathBuf, pin::pin, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::{Account, Api, Directory, ServicePort, watch};
use crate::client::{
    ChannelConfig, Target,
    balance::{
        Absent,
        doubles::{Nowhere, wires},
    },
    target::Kind,
};

/// The API server.
pub(super) struct Server {
    listener: TcpListener,
    /// `None`: it speaks plain HTTP.
    pub(super) tls: Option<TlsAcceptor>,
}

/// A connection.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A request, and the connection to answer it on.
pub(super) struct Asked {
    pub(super) path: String,
    /// What `authorization` says.
    pub(super) authorization: Option<String>,
    stream: Box<dyn Stream>,
}

impl Server {
    /// The next request. Connections that fail before they have one do not count.
    pub(super) async fn next(&self) -> Asked {
        loop {
            let (stream, _) = self.listener.accept().await.unwrap();
            let stream: Box<dyn Stream> = match &self.tls {
                None => Box::new(stream),
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => Box::new(stream),
                    Err(_) => continue,
                },
            };
            return Asked::read(stream).await;
        }
    }

    /// The next request, which must be for a list; answers it.
    pub(super) async fn lists(&self, version: &str, slices: &[Value]) {
        self.next().await.list(json!({ "resourceVersion": version }), slices).await;
    }

    /// The next request, which must be for a watch from `version`.
    pub(super) async fn watches(&self, version: &str) -> Asked {
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
    async fn read(stream: Box<dyn Stream>) -> Self {
        let mut reader = BufReader::new(stream);
        let (mut first, mut line, mut authorization) = (String::new(), String::new(), None);
        reader.read_line(&mut first).await.unwrap();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).await.unwrap();
            if let Some(said) = line.strip_prefix("authorization: ") {
                authorization = Some(said.trim_end().to_owned());
            }
        }
        let path = first.split(' ').nth(1).unwrap().to_owned();
        assert!(path.starts_with(
            "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Duser&"
        ));
        Self { path, authorization, stream: reader.into_inner() }
    }

    async fn write(&mut self, text: &str) {
        assert!(self.try_write(text).await);
    }

    /// Whether the client still reads.
    pub(super) async fn try_write(&mut self, text: &str) -> bool {
        self.stream.write_all(text.as_bytes()).await.is_ok() && self.stream.flush().await.is_ok()
    }

    pub(super) async fn list(self, meta: Value, slices: &[Value]) {
        assert!(self.path.contains("&limit="), "{}", self.path);
        self.answer(200, &json!({ "kind": "EndpointSliceList", "metadata": meta, "items": slices })).await;
    }

    pub(super) async fn answer(mut self, status: u16, body: &Value) {
        let body = body.to_string();
        self.write(&format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
    }

    /// A part of the answer, whole lines or not.
    pub(super) async fn part(&mut self, text: &str) {
        self.write(&format!("{:x}\r\n{text}\r\n", text.len())).await;
    }

    pub(super) async fn event(&mut self, kind: &str, object: Value) {
        self.part(&format!("{}\n", json!({ "type": kind, "object": object }))).await;
    }

    /// The end of a watch whose time is over.
    pub(super) async fn end(mut self) {
        self.write("0\r\n\r\n").await;
    }
}

pub(super) fn endpoint(last: u8, ready: bool) -> Value {
    json!({ "addresses": [format!("10.0.0.{last}")], "conditions": { "ready": ready, "serving": true, "terminating": !ready }, "zone": "z1" })
}

pub(super) fn slice(name: &str, version: &str, endpoints: &[Value]) -> Value {
    json!({
        "metadata": { "name": name, "resourceVersion": version },
        "addressType": "IPv4",
        "ports": [{ "name": "grpc", "port": 50051 }],
        "endpoints": endpoints,
    })
}

pub(super) fn with(name: &str, version: &str, ready: &[u8]) -> Value {
    slice(name, version, &ready.iter().map(|last| endpoint(*last, true)).collect::<Vec<_>>())
}

/// A service that is followed.
pub(super) struct Followed {
    pub(super) server: Server,
    directory: Arc<Directory>,
}

/// Follows a service by plain HTTP.
pub(super) async fn follow() -> Followed {
    follow_with(None, None).await
}

/// Follows a service with the token and the certificates in `folder`.
pub(super) async fn follow_with(tls: Option<TlsAcceptor>, folder: Option<PathBuf>) -> Followed {
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
    let account = Account { server: Ok((at.ip().to_string(), at.port())), folder };
    let api = Api::new(account, &port, wires.config.connect_timeout, wires.tasks.clone());
    let followed = Arc::clone(&directory);
    tokio::spawn(async move { watch(&followed, &api, &port).await });
    Followed { server: Server { listener, tls }, directory }
}

impl Followed {
    pub(super) fn pods(&self) -> Vec<u8> {
        let last = |address: SocketAddr| match address {
            SocketAddr::V4(address) => address.ip().octets()[3],
            SocketAddr::V6(_) => 0,
        };
        self.directory.snapshot().members.all.iter().map(|endpoint| last(endpoint.key())).collect()
    }

    /// Waits until the service has these pods.
    pub(super) async fn has(&self, pods: &[u8]) {
        self.wait(|| self.pods() == pods).await;
    }

    pub(super) async fn wait(&self, is_so: impl Fn() -> bool) {
        loop {
            let mut changed = pin!(self.directory.changed());
            changed.as_mut().enable();
            if is_so() {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn cause(&self) -> Option<String> {
        match &self.directory.snapshot().absent {
            Absent::Failed(error) => Some(error.to_string()),
            Absent::Coming => None,
        }
    }
}
