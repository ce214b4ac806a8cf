//! The sandbox, put together.

use std::sync::Arc;

use mesh_rpc::{BuildError, Channel, ChannelConfigError, Server, ServerConfig};
use proto::provider::v1::provider_service_server::ProviderServiceServer;
use service_kit::{
    clock::Clock,
    embedded::{Engine, EngineFailure},
};
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    SandboxConfig,
    app::{Courier, Desk, Settler},
    grpc::ProviderApi,
    store::Store,
};

/// Why a sandbox cannot be opened.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its store cannot be used.
    #[error("the provider's store cannot be used")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The webhook's channel cannot work.
    #[error("the webhook cannot be called")]
    Webhook(#[from] ChannelConfigError),
}

/// A provider on a store of its own: what it serves, and what must run beside the server. Clones share everything.
#[derive(Clone, Debug)]
pub struct Sandbox {
    engine: Engine,
    desk: Desk,
    settler: Arc<Settler>,
    courier: Option<Arc<Courier>>,
}

impl Sandbox {
    /// The provider whose books `engine` holds. Share that file with nobody: it is to survive whoever asks.
    /// `clock` dates transactions; nothing waits for it.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(engine: Engine, clock: Clock, config: &SandboxConfig) -> Result<Self, StartError> {
        let opened = Store::open(engine.clone()).await;
        let store = opened.map_err(|error| StartError::Store(error.into()))?;
        let (pending, news) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let courier = match &config.webhook {
            None => None,
            Some(target) => {
                let channel = Channel::builder(target.clone()).policies(&proto::POLICIES).build()?;
                Some(Arc::new(Courier::new(store.clone(), channel, Arc::clone(&news))))
            }
        };
        let heard = courier.is_some().then_some(news);
        let settler = Arc::new(Settler::new(store.clone(), Arc::clone(&pending), heard));
        let desk = Desk::new(store, clock, config.slow_by, pending);
        Ok(Self { engine, desk, settler, courier })
    }

    /// The gRPC server.
    ///
    /// # Errors
    /// When `config` cannot work.
    pub fn server(&self, config: ServerConfig) -> Result<Server, BuildError> {
        Server::builder()
            .policies(&proto::POLICIES)
            .descriptors(proto::FILE_DESCRIPTOR_SET)
            .config(config)
            .service(ProviderServiceServer::new(ProviderApi::new(self.desk.clone())))
            .build()
    }

    /// Settles what was taken on and calls the webhook, until `shutdown`; to be run as long as the server is.
    /// Without it whatever is pending stays so. What is left is taken up by the next run.
    pub async fn run(&self, shutdown: CancellationToken) {
        let deliver = async {
            if let Some(courier) = &self.courier {
                courier.run(shutdown.clone()).await;
            }
        };
        tokio::join!(self.settler.run(shutdown.clone()), deliver);
    }

    /// Finishes what was written and closes the file. Stop the server and [`Sandbox::run`] first.
    ///
    /// # Errors
    /// The cause, when the store failed before or meanwhile.
    pub async fn close(self) -> Result<(), EngineFailure> {
        self.engine.close().await
    }
}
