//! One report to a collector.

use std::{future::Future, io, pin::pin, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::Endpoint;

/// Opens connections to a collector.
pub trait Connect: Send + Sync + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Connects to a host, which is a name or an address, and a port.
    fn connect(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

/// The network as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Connect for Tcp {
    type Io = TcpStream;

    async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        TcpStream::connect((host, port)).await
    }
}

/// Why a collector did not take a report.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It cannot be reached.
    #[error("cannot connect to the collector")]
    Connect(#[source] io::Error),
    /// It does not speak HTTP, or broke off.
    #[error("the collector did not answer")]
    Http(#[from] hyper::Error),
    /// It takes too long.
    #[error("the collector did not answer within {0:?}")]
    Late(Duration),
    /// It says no.
    #[error("the collector answered {status}")]
    Refused {
        /// What it answered.
        status: StatusCode,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
}

impl ExportError {
    /// Whether the same report may be taken later (OTLP, "Failures" of OTLP/HTTP).
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Http(_) | Self::Late(_) => true,
            Self::Refused { status, .. } => matches!(
                *status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Sends one report on a connection of its own: reports are seconds apart, and what they share they could lose.
pub(super) async fn post<C: Connect>(
    connect: &C,
    endpoint: &Endpoint,
    report: &str,
    body: Bytes,
    patience: Duration,
) -> Result<(), ExportError> {
    let sent = tokio::time::timeout(patience, send(connect, endpoint, report, body));
    sent.await.unwrap_or(Err(ExportError::Late(patience)))
}

async fn send<C: Connect>(
    connect: &C,
    endpoint: &Endpoint,
    report: &str,
    body: Bytes,
) -> Result<(), ExportError> {
    let (host, port) = endpoint.address();
    let io = connect.connect(host, port).await.map_err(ExportError::Connect)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    // A path that an endpoint was read with is one.
    *request.uri_mut() = endpoint.path(report).parse().unwrap_or_default();
    let headers = request.headers_mut();
    if let Ok(host) = endpoint.host().parse() {
        headers.insert(header::HOST, host);
    }
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/x-protobuf"));
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    let mut answer = pin!(sender.send_request(request));
    let mut connection = pin!(connection);
    let response = tokio::select! {
        biased;
        answered = &mut answer => answered?,
        // It may have been answered before it was closed.
        _ = &mut connection => answer.await?,
    };
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let retry_after = response.headers().get(header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Err(ExportError::Refused { status, retry_after: retry_after.map(Duration::from_secs) })
}
