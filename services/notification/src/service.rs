//! The service, put together.

use std::{io, num::NonZeroUsize, path::Path, sync::Arc};

use mesh_events::{Bus, Consumer, ConsumerConfig};
use mesh_rpc::{BuildError, Server, ServerConfig};
use proto::notification::v1::notification_service_server::NotificationServiceServer;
use service_kit::clock::Clock;
use thiserror::Error;

use crate::{
    MailConfig, NotificationConfig,
    app::{Courier, Feed, Notifications, Parked, Tray},
    clients::Users,
    events::{self, SendReceipts, WelcomeUser},
    grpc::NotificationApi,
    mail::{FileMailer, Letterhead, LetterheadError, Mailer, SmtpError, SmtpMailer},
    store::NotificationStore,
    templates::{TemplateError, Templates},
};

/// Events in processing at once. Each waits for two commits, its effect's and its acknowledgement's, so this is
/// what lets many share them.
const PREFETCH: NonZeroUsize = NonZeroUsize::new(1_024).expect("above zero");

/// Receipts in processing at once, and so the most questions that the user service is asked at a time: fewer than
/// a channel has room for.
const RECEIPTS_PREFETCH: NonZeroUsize = NonZeroUsize::new(256).expect("above zero");

/// Why the service cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A template does not work.
    #[error("a template does not work")]
    Template(#[from] TemplateError),
    /// The sender is no mailbox.
    #[error("the sender of mails is wrong")]
    Letterhead(#[from] LetterheadError),
    /// The folder for mails cannot be used.
    #[error("cannot use the mail folder {folder:?}")]
    Folder {
        /// Which.
        folder: std::path::PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The relay cannot be used.
    #[error("the SMTP relay is wrong")]
    Smtp(#[from] SmtpError),
}

/// The notification service: what it serves, what it consumes, and the courier that sends.
#[derive(Debug)]
pub struct NotificationService {
    notifications: Notifications,
    parked: Parked,
    courier: Courier,
    users: Users,
    /// In which Message-IDs are made.
    domain: String,
}

impl NotificationService {
    /// The service on `store`, with the administration of `queues`; `users` says where receipts go, and mails that
    /// leave as files go to `folder`.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(
        store: Arc<dyn NotificationStore>,
        bus: Arc<dyn Bus>,
        queues: Vec<String>,
        users: Users,
        folder: &Path,
        clock: Clock,
        config: &NotificationConfig,
    ) -> Result<Self, StartError> {
        let templates = Arc::new(Templates::load()?);
        let letterhead = Letterhead::new(&config.from)?;
        let domain = letterhead.domain().to_owned();
        let mailer: Arc<dyn Mailer> = match &config.mail {
            MailConfig::Files => Arc::new(
                FileMailer::open(folder, letterhead)
                    .map_err(|source| StartError::Folder { folder: folder.to_owned(), source })?,
            ),
            MailConfig::Smtp(smtp) => Arc::new(SmtpMailer::new(smtp.clone(), letterhead)?),
        };
        let (feed, tray) = (Feed::default(), Tray::new(mailer.pace()));
        let courier = Courier::new(
            Arc::clone(&store),
            mailer,
            Arc::clone(&templates),
            feed.clone(),
            tray.clone(),
            clock.clone(),
        );
        let notifications = Notifications::new(store, templates, feed, tray, clock);
        Ok(Self { notifications, parked: Parked::new(bus, queues), courier, users, domain })
    }

    /// The gRPC server.
    ///
    /// # Errors
    /// When `config` cannot work.
    pub fn server(&self, config: ServerConfig) -> Result<Server, BuildError> {
        let api = NotificationApi::new(self.notifications.clone(), self.parked.clone(), self.domain.clone());
        Server::builder()
            .policies(&proto::POLICIES)
            .descriptors(proto::FILE_DESCRIPTOR_SET)
            .config(config)
            .service(NotificationServiceServer::new(api))
            .build()
    }

    /// The consumer that welcomes new users.
    #[must_use]
    pub fn consumer(&self, bus: Arc<dyn Bus>) -> Consumer {
        let handler = Arc::new(WelcomeUser::new(self.notifications.clone()));
        let config = ConsumerConfig { prefetch: PREFETCH, ..ConsumerConfig::default() };
        Consumer::new(bus, events::welcomes(), handler, config)
    }

    /// The consumer that sends receipts for payments.
    #[must_use]
    pub fn receipts_consumer(&self, bus: Arc<dyn Bus>) -> Consumer {
        let handler = Arc::new(SendReceipts::new(self.notifications.clone(), self.users.clone()));
        let config = ConsumerConfig { prefetch: RECEIPTS_PREFETCH, ..ConsumerConfig::default() };
        Consumer::new(bus, events::receipts(), handler, config)
    }

    /// The courier, to be run as long as the service does.
    #[must_use]
    pub fn into_courier(self) -> Courier {
        self.courier
    }
}
