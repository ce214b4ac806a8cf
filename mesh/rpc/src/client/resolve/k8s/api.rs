//! Two requests to the API server: list and watch the EndpointSlices of a service.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;
use tokio_util::task::TaskTracker;

use super::{
    account::{Account, AccountError, Credentials},
    lines::Lines,
    slices::Slice,
};
use crate::client::target::ServicePort;

/// How long a watch goes on before the client begins another one (client-go: 5 to 10 minutes).
pub(super) const WATCH: Duration = Duration::from_secs(300);

/// How long the server may take to end a watch whose time is over, before it counts as dead.
const GRACE: Duration = Duration::from_secs(10);

/// How long a list may take to be read.
const LIST: Duration = Duration::from_secs(30);

/// A list comes in pages of so many slices, each no longer than so many bytes; a service has no more pages.
const PAGE: u32 = 250;
const LONGEST_PAGE: usize = 64 * 1024 * 1024;
const MOST_PAGES: usize = 100;

/// A cursor, as the server gives it, is no longer.
const LONGEST_CURSOR: usize = 4 * 1024;

/// The server, and the service that is asked for.
#[derive(Debug)]
pub(super) struct Api {
    account: Account,
    path: String,
    patience: Duration,
    tasks: TaskTracker,
}

/// Why the server told nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error("cannot connect to the API server: {0}")]
    Connect(String),
    #[error("the connection to the API server broke")]
    Broken(#[source] hyper::Error),
    #[error("the API server does not answer")]
    Silent,
    #[error("the API server answers {status}: {message}")]
    Refused { status: StatusCode, message: String },
    /// 410: the server has no changes since that version.
    #[error("the API server has forgotten this version")]
    Gone,
    #[error("the API server sent more than {0} bytes at once")]
    TooLong(usize),
    #[error("the API server sent no EndpointSlices")]
    Malformed(#[source] serde_json::Error),
    #[error("the API server wants an endless number of pages read")]
    TooMany,
}

impl ApiError {
    /// Whether the server was not reached, or did not hear the question out: what is known is as good as before.
    pub(super) fn is_about_the_way(&self) -> bool {
        matches!(self, Self::Account(_) | Self::Connect(_) | Self::Broken(_) | Self::Silent)
    }
}

/// What a watch tells.
pub(super) enum Change {
    Set(Slice),
    Gone(String),
    /// A bookmark: so far, nothing else changed.
    Nothing,
}

#[derive(Deserialize)]
struct List {
    metadata: ListMeta,
    #[serde(default)]
    items: Option<Vec<Slice>>,
}

#[derive(Deserialize)]
struct ListMeta {
    #[serde(default, rename = "resourceVersion")]
    version: String,
    #[serde(default, rename = "continue")]
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: serde_json::Value,
}

/// `meta/v1.Status`, with which errors are told.
#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Bookmark {
    metadata: ListMeta,
}

impl Api {
    pub(super) fn new(account: Account, port: &ServicePort, patience: Duration, tasks: TaskTracker) -> Self {
        let ServicePort { namespace, service, .. } = port;
        let path = format!(
            "/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices\
             ?labelSelector=kubernetes.io%2Fservice-name%3D{service}"
        );
        Self { account, path, patience, tasks }
    }

    /// All slices of the service, and the version at which they are so.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(super) async fn list(&self) -> Result<(Vec<Slice>, String), ApiError> {
        let until = Instant::now() + LIST;
        let (mut slices, mut cursor) = (Vec::new(), String::new());
        for _ in 0..MOST_PAGES {
            let page = timeout_at(until, async {
                let response = self.get(&format!("{}&limit={PAGE}{cursor}", self.path)).await?;
                collect(response).await
            });
            let page = page.await.map_err(|_| ApiError::Silent)??;
            let Page { items, version, next } = page_of(&page)?;
            slices.extend(items);
            match next {
                None => return Ok((slices, version)),
                Some(next) if next.len() > LONGEST_CURSOR => return Err(ApiError::TooLong(LONGEST_CURSOR)),
                Some(next) => cursor = format!("&continue={}", escaped(&next)),
            }
        }
        Err(ApiError::TooMany)
    }

    /// What changes after `version`, for about as long as `patience`.
    ///
    /// # Errors
    /// [`ApiError`]; [`ApiError::Gone`] when all must be listed.
    pub(super) async fn watch(&self, version: &str, patience: Duration) -> Result<Watch, ApiError> {
        let (version, seconds) = (escaped(version), patience.as_secs().max(1));
        let path = format!(
            "{}&watch=1&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds={seconds}",
            self.path
        );
        let response = self.get(&path).await?;
        Ok(Watch { lines: Lines::new(response.into_body()), until: Instant::now() + patience + GRACE })
    }

    async fn get(&self, path: &str) -> Result<Response<Incoming>, ApiError> {
        let account = self.account.clone();
        let reading = tokio::task::spawn_blocking(move || account.read());
        let credentials = reading.await.map_err(|error| ApiError::Connect(error.to_string()))??;
        let head = timeout(self.patience, self.send(path, credentials));
        let response = head.await.map_err(|_| ApiError::Silent)??;
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::GONE => Err(ApiError::Gone),
            status => {
                let body = timeout(self.patience, collect(response)).await;
                let body = body.ok().and_then(Result::ok).unwrap_or_default();
                let message = serde_json::from_slice::<Status>(&body).unwrap_or_default().message;
                Err(ApiError::Refused { status, message })
            }
        }
    }

    async fn send(&self, path: &str, credentials: Credentials) -> Result<Response<Incoming>, ApiError> {
        let Credentials { host, port, tls, token } = credentials;
        let failed = |error: std::io::Error| ApiError::Connect(error.to_string());
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(failed)?;
        let authority = match host.parse::<IpAddr>() {
            Ok(IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
            _ => format!("{host}:{port}"),
        };
        let mut request = Request::get(path)
            .header(header::HOST, authority)
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, "mesh-rpc");
        if let Some(token) = token {
            let mut bearer = header::HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| ApiError::Connect("the token is no text of a header".to_owned()))?;
            bearer.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, bearer);
        }
        let request = request.body(Empty::new()).map_err(|error| ApiError::Connect(error.to_string()))?;
        match tls {
            None => self.exchange(stream, request).await,
            Some((name, config)) => {
                let stream = TlsConnector::from(config).connect(name, stream).await.map_err(failed)?;
                self.exchange(stream, request).await
            }
        }
    }

    /// One request on a connection of its own, which is over when the answer is.
    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<Empty<Bytes>>,
    ) -> Result<Response<Incoming>, ApiError> {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(ApiError::Broken)?;
        self.tasks.spawn(async move {
            // Whoever reads the answer hears of errors there.
            let _ = connection.await;
        });
        sender.send_request(request).await.map_err(ApiError::Broken)
    }
}

/// Changes as they come.
pub(super) struct Watch {
    lines: Lines,
    until: Instant,
}

impl Watch {
    /// The next change, and the version after it. `None`: the watch is over.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(super) async fn next(&mut self) -> Result<Option<(Change, String)>, ApiError> {
        let line = timeout_at(self.until, self.lines.next()).await.map_err(|_| ApiError::Silent)??;
        line.map(|line| change(&line)).transpose()
    }
}

/// A page of a list.
pub(super) struct Page {
    pub(super) items: Vec<Slice>,
    version: String,
    /// Where the next one begins, if there is one.
    next: Option<String>,
}

/// Reads a page of a list.
///
/// # Errors
/// [`ApiError::Malformed`].
pub(super) fn page_of(bytes: &[u8]) -> Result<Page, ApiError> {
    let List { metadata, items } = serde_json::from_slice(bytes).map_err(ApiError::Malformed)?;
    let next = metadata.cursor.filter(|cursor| !cursor.is_empty());
    Ok(Page { items: items.unwrap_or_default(), version: metadata.version, next })
}

/// Reads a line of a watch: what changes, and the version after it.
///
/// # Errors
/// [`ApiError::Malformed`]; what the server tells instead, if it does.
pub(super) fn change(line: &[u8]) -> Result<(Change, String), ApiError> {
    let Event { kind, object } = serde_json::from_slice(line).map_err(ApiError::Malformed)?;
    match kind.as_str() {
        "ADDED" | "MODIFIED" | "DELETED" => {
            let slice = Slice::deserialize(object).map_err(ApiError::Malformed)?;
            let version = slice.version().to_owned();
            let gone = kind == "DELETED";
            Ok((if gone { Change::Gone(slice.into_name()) } else { Change::Set(slice) }, version))
        }
        "ERROR" => {
            let status = Status::deserialize(object).unwrap_or_default();
            if status.code == StatusCode::GONE.as_u16() {
                return Err(ApiError::Gone);
            }
            let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Err(ApiError::Refused { status: code, message: status.message })
        }
        // A bookmark, or what a later version may tell.
        _ => {
            let bookmark = Bookmark::deserialize(object).map_err(ApiError::Malformed)?;
            Ok((Change::Nothing, bookmark.metadata.version))
        }
    }
}

async fn collect(response: Response<Incoming>) -> Result<Bytes, ApiError> {
    let body = Limited::new(response.into_body(), LONGEST_PAGE).collect().await;
    match body {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(match error.downcast::<hyper::Error>() {
            Ok(error) => ApiError::Broken(*error),
            Err(_) => ApiError::TooLong(LONGEST_PAGE),
        }),
    }
}

/// A value of a query.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(byte.into());
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
