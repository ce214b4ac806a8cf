//! The service over the wire: what callers send and what they get, mistakes included.

mod notifications;
mod parked;
mod people;
mod receipts;
mod relay;
mod twice;
mod watch;
mod welcome;

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use mesh_events::{
    Bus, EventKind, Subscription,
    embedded::{EmbeddedBus, EmbeddedBusConfig},
};
use mesh_rpc::{Channel, ServerConfig, Target};
use notification::{
    MailConfig, NotificationConfig, NotificationService,
    clients::Users,
    events::{RECEIPTS_QUEUE, WELCOME_QUEUE, subscriptions},
    store::{NotificationStore, embedded::EmbeddedStore},
};
use proto::{
    notification::v1::{
        GetNotificationRequest, Notification, SendNotificationRequest, State, TextContent,
        WatchNotificationsRequest, WatchNotificationsResponse,
        notification_service_client::NotificationServiceClient, send_notification_request::Content,
    },
    user::v1::user_service_client::UserServiceClient,
};
use service_kit::{
    clock::{Clock, Hand, UnixMillis},
    embedded::{Engine, EngineConfig},
};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

/// A second queue under the administration, which no consumer takes from.
pub(crate) const OTHER_QUEUE: &str = "user.profile";

pub(crate) const ADA: &str = "00000000-0000-7000-8000-00000000000a";
pub(crate) const BOB: &str = "00000000-0000-7000-8000-00000000000b";

/// Where nobody listens: an address of a user service that is never asked.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// How long a test waits for what must come before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running service and its client.
pub(crate) struct Api {
    pub(crate) client: NotificationServiceClient<Channel>,
    pub(crate) bus: EmbeddedBus<Engine>,
    /// On the channel that the service itself asks through.
    pub(crate) asking: UserServiceClient<Channel>,
    pub(crate) hand: Hand,
    mails: PathBuf,
    stop: CancellationToken,
    parts: TaskTracker,
    _folder: TempDir,
}

impl Api {
    /// Starts the service, its consumers and its courier; mails become files.
    pub(crate) async fn start() -> Self {
        Self::start_with(MailConfig::Files, NOWHERE).await
    }

    /// The service, asking the user service at `users`.
    pub(crate) async fn start_with(mail: MailConfig, users: SocketAddr) -> Self {
        let time = Clock::manual(UnixMillis(1_700_000_000_000));
        Self::start_over(mail, users, time, |bus| Arc::new(bus), None).await
    }

    /// The service over a bus that wraps the usual one, and on another store if there is one.
    async fn start_over(
        mail: MailConfig,
        users: SocketAddr,
        (clock, hand): (Clock, Hand),
        wrap: impl FnOnce(EmbeddedBus<Engine>) -> Arc<dyn Bus>,
        store: Option<Arc<dyn NotificationStore>>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mails = folder.path().join("mails");
        let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
        let bus_clock = clock.clone();
        let bus_clock = mesh_events::embedded::Clock::new(move || bus_clock.now().0);
        let bus_config = EmbeddedBusConfig { clock: bus_clock, ..EmbeddedBusConfig::default() };
        let bus = EmbeddedBus::open(engine.clone(), bus_config).await.unwrap();
        let other = Subscription::new(OTHER_QUEUE, [EventKind::from_static("user.created")]);
        let [welcomes, receipts] = subscriptions();
        bus.declare(&[welcomes, receipts, other]).await.unwrap();
        let shared: Arc<dyn Bus> = wrap(bus.clone());
        let own = EmbeddedStore::open(engine, clock.clone()).await.unwrap();
        let store = store.unwrap_or_else(|| Arc::new(own));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let from = "Example <no-reply@example.org>".to_owned();
        let config = NotificationConfig { listen: address, from, mail };
        let queues = [OTHER_QUEUE, WELCOME_QUEUE, RECEIPTS_QUEUE].map(str::to_owned).to_vec();
        let to_users = Channel::builder(Target::fixed([users])).policies(&proto::POLICIES).build().unwrap();
        let asked = Users::new(to_users.clone());
        let service =
            NotificationService::new(store, Arc::clone(&shared), queues, asked, &mails, clock, &config)
                .unwrap();

        let (stop, parts) = (CancellationToken::new(), TaskTracker::new());
        let server = service.server(ServerConfig::default()).unwrap();
        parts.spawn(server.serve(listener, stop.clone()));
        parts.spawn(service.consumer(Arc::clone(&shared)).run(stop.clone()));
        parts.spawn(service.receipts_consumer(shared).run(stop.clone()));
        let (courier, courier_stop) = (service.into_courier(), stop.clone());
        parts.spawn(async move { courier.run(courier_stop).await });
        parts.close();
        let channel = Channel::builder(Target::fixed([address])).policies(&proto::POLICIES).build().unwrap();
        let client = NotificationServiceClient::new(channel);
        let asking = UserServiceClient::new(to_users);
        Self { client, bus, asking, hand, mails, stop, parts, _folder: folder }
    }

    /// Stops everything and waits for it.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.parts.wait().await;
    }

    /// A notification that was taken on.
    pub(crate) async fn send(&mut self, request: SendNotificationRequest) -> Notification {
        self.client.send_notification(request).await.unwrap().into_inner().notification.unwrap()
    }

    pub(crate) async fn get(&mut self, id: &str) -> Notification {
        let request = GetNotificationRequest { notification_id: id.to_owned() };
        self.client.get_notification(request).await.unwrap().into_inner().notification.unwrap()
    }

    /// Watches one user's notifications, or everybody's.
    pub(crate) async fn watch(&mut self, user_id: &str) -> Streaming<WatchNotificationsResponse> {
        let request = WatchNotificationsRequest { user_id: user_id.to_owned() };
        self.client.watch_notifications(request).await.unwrap().into_inner()
    }

    /// The names of the mails that left.
    pub(crate) fn mails(&self) -> Vec<String> {
        let names = std::fs::read_dir(&self.mails).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".eml")).collect()
    }

    /// The text of the mail of a notification.
    pub(crate) fn mail(&self, id: &str) -> String {
        std::fs::read_to_string(self.mails.join(format!("{id}.eml"))).unwrap()
    }
}

/// A text for a user, not yet named.
pub(crate) fn text(user_id: &str, subject: &str) -> SendNotificationRequest {
    let content = TextContent { subject: subject.to_owned(), body: "Body".to_owned() };
    SendNotificationRequest {
        user_id: user_id.to_owned(),
        recipient: "ada@example.org".to_owned(),
        content: Some(Content::Text(content)),
        request_id: String::new(),
    }
}

/// The next change that a watcher is told.
pub(crate) async fn change(watch: &mut Streaming<WatchNotificationsResponse>) -> Notification {
    let told = tokio::time::timeout(PATIENCE, watch.message()).await.expect("nothing was told");
    told.unwrap().expect("the watch has ended").notification.unwrap()
}

/// Waits until a watcher is told that something is sent.
pub(crate) async fn sent(watch: &mut Streaming<WatchNotificationsResponse>) -> Notification {
    loop {
        let change = change(watch).await;
        if change.state() == State::Sent {
            return change;
        }
    }
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

/// The code and the reason of an error, which must carry `ErrorInfo`.
pub(crate) fn told(status: &Status) -> (Code, String) {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "notification.v1");
    (status.code(), info.reason)
}

/// The fields that an error complains of.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let request = status.get_details_bad_request().unwrap_or_else(|| panic!("no BadRequest in {status:?}"));
    request.field_violations.into_iter().map(|violation| violation.field).collect()
}
