//! The service as gRPC sees it.

use std::pin::Pin;

use async_trait::async_trait;
use futures_util::{Stream, stream};
use proto::notification::v1::{
    DiscardParkedEventRequest, DiscardParkedEventResponse, GetNotificationRequest, GetNotificationResponse,
    ListNotificationsRequest, ListNotificationsResponse, ListParkedEventsRequest, ListParkedEventsResponse,
    ReplayParkedEventRequest, ReplayParkedEventResponse, SendNotificationRequest, SendNotificationResponse,
    WatchNotificationsRequest, WatchNotificationsResponse, notification_service_server::NotificationService,
    send_notification_request,
};
use service_kit::{
    clock::UnixMillis,
    error::{Violation, Violations},
    paging, requests,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{convert, parked};
use crate::{
    app::{Notifications, Order, Parked},
    domain::{Content, NotificationId, Recipient, Text, check_parameters},
    error::Error,
    store::ListKey,
};

/// Notifications and the administration of parked events.
#[derive(Clone, Debug)]
pub struct NotificationApi {
    notifications: Notifications,
    pub(super) parked: Parked,
    /// In which Message-IDs are made.
    domain: String,
}

impl NotificationApi {
    /// An API of these use cases, whose Message-IDs end in `domain`.
    #[must_use]
    pub fn new(notifications: Notifications, parked: Parked, domain: String) -> Self {
        Self { notifications, parked, domain }
    }
}

#[async_trait]
impl NotificationService for NotificationApi {
    type WatchNotificationsStream =
        Pin<Box<dyn Stream<Item = Result<WatchNotificationsResponse, Status>> + Send>>;

    async fn send_notification(
        &self,
        request: Request<SendNotificationRequest>,
    ) -> Result<Response<SendNotificationResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let user_id = violations.keep(user_id(&message.user_id));
        let recipient = violations.keep(Recipient::parse("recipient", &message.recipient));
        let request =
            violations.keep(requests::Request::of_message("SendNotification", &message.request_id, &message));
        let content = content(message.content).and_then(|content| self.notifications.check(content));
        let content = violations.keep_all(content);
        let (order, request) = violations
            .finish(|| {
                Some((Order { user_id: user_id?, recipient: recipient?, content: content? }, request?))
            })
            .map_err(Error::Invalid)?;
        let notification = self.notifications.send(order, request).await?;
        let notification = Some(convert::notification(&notification, &self.domain));
        Ok(Response::new(SendNotificationResponse { notification }))
    }

    async fn get_notification(
        &self,
        request: Request<GetNotificationRequest>,
    ) -> Result<Response<GetNotificationResponse>, Status> {
        let id = NotificationId::parse("notification_id", &request.into_inner().notification_id)
            .map_err(Error::from)?;
        let notification = Some(convert::notification(&self.notifications.get(id).await?, &self.domain));
        Ok(Response::new(GetNotificationResponse { notification }))
    }

    async fn list_notifications(
        &self,
        request: Request<ListNotificationsRequest>,
    ) -> Result<Response<ListNotificationsResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let user = violations.keep(user_id(&message.user_id));
        let size = violations.keep(paging::page_size(message.page_size));
        let list = format!("notification.v1.notifications/{}", message.user_id);
        let after = violations.keep(read_token(&list, &message.page_token));
        let (user, size, after) =
            violations.finish(|| Some((user?, size?, after?))).map_err(Error::Invalid)?;
        let (listed, more) = self.notifications.list(user, after, size).await?;
        let last = listed.last().filter(|_| more);
        let next_page_token =
            last.map(|last| write_token(&list, (last.created, last.id))).unwrap_or_default();
        let notifications = listed.iter().map(|listed| convert::notification(listed, &self.domain)).collect();
        Ok(Response::new(ListNotificationsResponse { notifications, next_page_token }))
    }

    async fn watch_notifications(
        &self,
        request: Request<WatchNotificationsRequest>,
    ) -> Result<Response<Self::WatchNotificationsStream>, Status> {
        let wanted = request.into_inner().user_id;
        let user = if wanted.is_empty() { None } else { Some(user_id(&wanted).map_err(Error::from)?) };
        let (watch, domain) = (self.notifications.watch(user), self.domain.clone());
        let changes = stream::try_unfold((watch, domain), async |(mut watch, domain)| {
            let change = watch.next().await?;
            Ok(change.map(|change| {
                let notification = Some(convert::notification(&change, &domain));
                (WatchNotificationsResponse { notification }, (watch, domain))
            }))
        });
        Ok(Response::new(Box::pin(changes)))
    }

    async fn list_parked_events(
        &self,
        request: Request<ListParkedEventsRequest>,
    ) -> Result<Response<ListParkedEventsResponse>, Status> {
        parked::list(&self.parked, request.into_inner()).await.map(Response::new).map_err(Status::from)
    }

    async fn replay_parked_event(
        &self,
        request: Request<ReplayParkedEventRequest>,
    ) -> Result<Response<ReplayParkedEventResponse>, Status> {
        let message = request.into_inner();
        self.parked.replay(&message.queue, parked::event_id(&message.event_id)?).await?;
        Ok(Response::new(ReplayParkedEventResponse {}))
    }

    async fn discard_parked_event(
        &self,
        request: Request<DiscardParkedEventRequest>,
    ) -> Result<Response<DiscardParkedEventResponse>, Status> {
        let message = request.into_inner();
        self.parked.discard(&message.queue, parked::event_id(&message.event_id)?).await?;
        Ok(Response::new(DiscardParkedEventResponse {}))
    }
}

fn user_id(text: &str) -> Result<Uuid, Violation> {
    Uuid::try_parse(text).map_err(|_| Violation::new("user_id", "USER_ID_INVALID", "must be a UUID"))
}

fn content(content: Option<send_notification_request::Content>) -> Result<Content, Vec<Violation>> {
    match content {
        Some(send_notification_request::Content::Template(template)) => {
            check_parameters("template.parameters", &template.parameters)?;
            Ok(Content::Template { name: template.name, parameters: template.parameters })
        }
        Some(send_notification_request::Content::Text(text)) => {
            Text::parse("text", &text.subject, text.body).map(Content::Text)
        }
        None => {
            Err(vec![Violation::new("content", "CONTENT_MISSING", "either template or text must be given")])
        }
    }
}

fn write_token(list: &str, (created, id): ListKey) -> String {
    let mut last = created.0.to_be_bytes().to_vec();
    last.extend_from_slice(id.0.as_bytes());
    paging::encode(list, &last)
}

fn read_token(list: &str, token: &str) -> Result<Option<ListKey>, paging::BadToken> {
    let Some(last) = paging::decode(list, token)? else { return Ok(None) };
    let (created, id) = last.split_first_chunk::<8>().ok_or(paging::BadToken)?;
    let id = Uuid::from_slice(id).map_err(|_| paging::BadToken)?;
    Ok(Some((UnixMillis(u64::from_be_bytes(*created)), NotificationId(id))))
}
