//! The consumer that welcomes new users.

use mesh_events::{Bus as _, Envelope, EventKind};
use proto::notification::v1::{ListNotificationsRequest, State};
use uuid::Uuid;

use super::{ADA, Api, sent, until};
use notification::events::WELCOME_QUEUE;

/// `user.created` under the `n`th id, with this body.
pub(super) fn created(n: u128, body: impl Into<String>) -> Envelope {
    Envelope {
        id: Uuid::from_u128(n),
        kind: EventKind::from_static("user.created"),
        subject: ADA.parse().unwrap(),
        version: 1,
        occur_time_ms: 1_700_000_000_000,
        body: body.into().into_bytes().into(),
        traceparent: None,
    }
}

/// As the user service tells it.
fn ada(n: u128) -> Envelope {
    let timestamp = "2023-11-14T22:13:20Z";
    created(n, format!(r#"{{"user_id":"{ADA}","email":"ada@example.org","timestamp":"{timestamp}"}}"#))
}

async fn is_digested(api: &Api) -> bool {
    api.bus.depth(WELCOME_QUEUE).await.unwrap().is_quiet()
}

#[tokio::test]
async fn a_new_user_is_welcomed_once_however_often_the_event_comes() {
    let mut api = Api::start().await;
    let mut watch = api.watch(ADA).await;
    // Twice at once, and once more when the mail has left.
    api.bus.publish(&[ada(1), ada(1)]).await.unwrap();
    let welcome = sent(&mut watch).await;
    api.bus.publish(&[ada(1)]).await.unwrap();
    until(|| is_digested(&api)).await;
    let request = ListNotificationsRequest { user_id: ADA.to_owned(), ..Default::default() };
    let listed = api.client.list_notifications(request).await.unwrap().into_inner().notifications;
    assert_eq!(listed, std::slice::from_ref(&welcome));
    assert_eq!((welcome.state(), welcome.attempts, welcome.template.as_str()), (State::Sent, 1, "welcome"));
    assert_eq!(welcome.subject, "Welcome, ada@example.org");
    assert_eq!(api.mails(), [format!("{}.eml", welcome.notification_id)]);
    assert_eq!(api.bus.depth(WELCOME_QUEUE).await.unwrap().parked, 0);
    api.stop().await;
}

#[tokio::test]
async fn another_event_is_another_mail() {
    let mut api = Api::start().await;
    let mut watch = api.watch(ADA).await;
    api.bus.publish(&[ada(1), ada(2)]).await.unwrap();
    let (first, second) = (sent(&mut watch).await, sent(&mut watch).await);
    assert_ne!(first.message_id, second.message_id);
    assert_eq!(api.mails().len(), 2);
    api.stop().await;
}
