//! The life of the port.

use std::{convert::Infallible, future::Future, io, pin::pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::answer::answer;
use crate::{Telemetry, export::Resource};

/// Connections at once; more wait in the backlog.
const PLACES: usize = 32;
/// How long a connection may take, from the first byte to the last.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest head of a request, in bytes.
const HEAD_MAX: usize = 16 * 1024;
/// After an error to accept, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers whoever looks after the process.
#[derive(Clone, Debug)]
pub struct Admin {
    telemetry: Telemetry,
    resource: Arc<Resource>,
}

impl Admin {
    /// One for these numbers, told by `resource`.
    pub fn new(telemetry: Telemetry, resource: Resource) -> Self {
        Self { telemetry, resource: Arc::new(resource) }
    }

    /// Serves until `stop`.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(PLACES));
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                let io = listener.accept().await?.0;
                Ok::<_, io::Error>((io, place))
            };
            tokio::select! {
                () = &mut stop => return,
                Some(_) = connections.join_next() => {}
                accepted = accepted => match accepted {
                    Ok((io, place)) => {
                        let connection = self.clone().answer_on(io);
                        connections.spawn(async move {
                            connection.await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(error = %crate::chain(&error), "cannot accept a connection to the admin port");
                        sleep(PAUSE).await;
                    }
                }
            }
        }
    }

    /// Answers one request on a connection. What is no request is told so by hyper.
    pub(super) async fn answer_on<Io: AsyncRead + AsyncWrite + Unpin>(self, io: Io) {
        let service = service_fn(|request| {
            let response = answer(&self.telemetry, &self.resource, &request);
            std::future::ready(Ok::<_, Infallible>(response))
        });
        let mut http = http1::Builder::new();
        http.keep_alive(false).max_buf_size(HEAD_MAX);
        // Peers come and go as they like.
        let _ = timeout(PATIENCE, http.serve_connection(TokioIo::new(io), service)).await;
    }
}
