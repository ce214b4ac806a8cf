//! A running sandbox, and words to ask it with.

use std::{future::Future, net::SocketAddr, time::Duration};

use mesh_rpc::{Channel, ServerConfig, Target};
use proto::provider::v1::{
    ExecuteRequest, Kind, ListTransactionsRequest, LookupRequest, Transaction,
    provider_service_client::ProviderServiceClient,
};
use provider_sandbox::{Sandbox, SandboxConfig};
use service_kit::{
    clock::{Clock, UnixMillis},
    embedded::{Engine, EngineConfig},
};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

/// How long a test waits for what must come before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// When every transaction was asked for.
pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_500);

/// A running sandbox and its client.
pub(crate) struct Bench {
    pub(crate) asker: Asker,
    sandbox: Sandbox,
    stop: CancellationToken,
    parts: TaskTracker,
    _folder: TempDir,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::start_with(SandboxConfig::default()).await
    }

    /// Starts the server; nothing is settled before [`Bench::settle`].
    pub(crate) async fn start_with(config: SandboxConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&folder.path().join("provider.redb"), EngineConfig::default()).unwrap();
        let sandbox = Sandbox::open(engine, Clock::manual(NOW).0, &config).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, parts) = (CancellationToken::new(), TaskTracker::new());
        parts.spawn(sandbox.server(ServerConfig::default()).unwrap().serve(listener, stop.clone()));
        Self { asker: Asker::of(address), sandbox, stop, parts, _folder: folder }
    }

    /// From now on what is pending is settled, and told.
    pub(crate) fn settle(&self) {
        let (sandbox, stop) = (self.sandbox.clone(), self.stop.clone());
        self.parts.spawn(async move { sandbox.run(stop).await });
    }

    /// Stops everything and waits for it.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.parts.close();
        self.parts.wait().await;
        self.sandbox.close().await.unwrap();
    }
}

/// Asks a sandbox.
#[derive(Clone)]
pub(crate) struct Asker(pub(crate) ProviderServiceClient<Channel>);

impl Asker {
    pub(crate) fn of(address: SocketAddr) -> Self {
        let channel = Channel::builder(Target::fixed([address])).policies(&proto::POLICIES).build().unwrap();
        Self(ProviderServiceClient::new(channel))
    }

    pub(crate) async fn execute(&self, request: ExecuteRequest) -> Result<Transaction, Status> {
        let response = self.0.clone().execute(request).await?;
        Ok(response.into_inner().transaction.unwrap())
    }

    /// Asks, and waits for an answer that long at most.
    pub(crate) async fn execute_within(
        &self,
        timeout: Duration,
        request: ExecuteRequest,
    ) -> Result<Transaction, Status> {
        let mut request = Request::new(request);
        request.set_timeout(timeout);
        let response = self.0.clone().execute(request).await?;
        Ok(response.into_inner().transaction.unwrap())
    }

    /// What was done under the key; `None` if nothing was.
    pub(crate) async fn lookup(&self, key: &str) -> Option<Transaction> {
        match self.0.clone().lookup(LookupRequest { key: key.to_owned() }).await {
            Ok(response) => Some(response.into_inner().transaction.unwrap()),
            Err(status) => {
                assert_eq!(told(&status), (Code::NotFound, "TRANSACTION_NOT_FOUND".to_owned()));
                None
            }
        }
    }

    /// Everything that was done.
    pub(crate) async fn all(&self) -> Vec<Transaction> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListTransactionsRequest { page_size: 1_000, page_token };
            let page = self.0.clone().list_transactions(request).await.unwrap().into_inner();
            all.extend(page.transactions);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return all;
            }
        }
    }
}

/// An operation that is possible under `tok_ok` if the ones before it were.
pub(crate) fn order(key: &str, kind: Kind, amount_minor: i64) -> ExecuteRequest {
    with("tok_ok", key, kind, amount_minor)
}

pub(crate) fn with(token: &str, key: &str, kind: Kind, amount_minor: i64) -> ExecuteRequest {
    ExecuteRequest {
        key: key.to_owned(),
        kind: kind.into(),
        amount_minor,
        currency: "EUR".to_owned(),
        payment_method: token.to_owned(),
    }
}

/// The code and the reason of an error, which must carry `ErrorInfo`.
pub(crate) fn told(status: &Status) -> (Code, String) {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "provider.v1");
    (status.code(), info.reason)
}

/// Waits until `holds`.
pub(crate) async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let waited = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.expect("it never came to hold");
}
