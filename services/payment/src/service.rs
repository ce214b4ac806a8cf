//! The service, put together.

use std::sync::Arc;

use mesh_events::Publisher;
use mesh_rpc::{BuildError, Server, ServerConfig};
use proto::{
    payment::v1::{
        payment_service_server::PaymentServiceServer,
        reconciliation_service_server::ReconciliationServiceServer,
    },
    provider::v1::webhook_service_server::WebhookServiceServer,
};
use service_kit::clock::Clock;

use crate::{
    PaymentConfig,
    app::{Books, Driver, Payments, Reconciliation, Webhooks},
    clients::Users,
    grpc::{PaymentApi, ReconciliationApi, WebhookApi},
    provider::Provider,
    store::PaymentStore,
};

/// The payment service: what it serves and what it drives.
#[derive(Debug)]
pub struct PaymentService {
    payments: Payments,
    driver: Driver,
    reconciliation: Reconciliation,
    webhooks: Webhooks,
}

impl PaymentService {
    /// The service on `store`, which asks `provider` for money and `users` for who may pay, and tells its
    /// events through `publisher`.
    #[must_use]
    pub fn new(
        store: Arc<dyn PaymentStore>,
        provider: Arc<dyn Provider>,
        users: Users,
        publisher: Publisher,
        clock: Clock,
        config: &PaymentConfig,
    ) -> Self {
        let books = Books::new(store, publisher, clock);
        let driver = Driver::new(books.clone(), Arc::clone(&provider), config.provider_budget);
        let webhooks = Webhooks::new(Arc::clone(books.store()), driver.handle());
        let reconciliation =
            Reconciliation::new(books.clone(), provider, driver.handle(), config.reconcile_every);
        let payments = Payments::new(books, driver.handle(), users, config.authorization_ttl);
        Self { payments, driver, reconciliation, webhooks }
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
            .service(PaymentServiceServer::new(PaymentApi::new(self.payments.clone())))
            .service(ReconciliationServiceServer::new(ReconciliationApi::new(self.reconciliation.clone())))
            .service(WebhookServiceServer::new(WebhookApi::new(self.webhooks.clone())))
            .build()
    }

    /// The driver, to be run as long as the service does and a little longer: what callers wait for is done by
    /// it.
    #[must_use]
    pub fn driver(&self) -> Driver {
        self.driver.clone()
    }

    /// The reconciliation, whose schedule is to be run as long as the service is.
    #[must_use]
    pub fn reconciliation(&self) -> Reconciliation {
        self.reconciliation.clone()
    }

    /// Finishes what callers who went away have left under way; for the end of a drain, before the driver ends.
    pub async fn close(&self) {
        self.payments.close().await;
    }
}
