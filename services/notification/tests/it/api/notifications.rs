//! Sending, getting and listing.

use std::{collections::BTreeMap, time::Duration};

use mesh_rig::smtp::{Security, Sink};
use notification::MailConfig;
use proto::notification::v1::{
    Channel, GetNotificationRequest, ListNotificationsRequest, SendNotificationRequest, State,
    TemplateContent, TextContent, send_notification_request::Content,
};
use service_kit::requests::REMEMBERED;
use tonic::Code;

use super::{ADA, Api, BOB, NOWHERE, fields, sent, text, told};
use crate::smtp::plain;

fn welcome(name: &str, parameters: &[(&str, &str)]) -> SendNotificationRequest {
    let parameters: BTreeMap<_, _> =
        parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let content = Content::Template(TemplateContent { name: name.to_owned(), parameters });
    SendNotificationRequest { content: Some(content), ..text(ADA, "") }
}

fn list(user_id: &str, page_size: i32, page_token: &str) -> ListNotificationsRequest {
    ListNotificationsRequest { user_id: user_id.to_owned(), page_size, page_token: page_token.to_owned() }
}

#[tokio::test]
async fn a_text_is_taken_on_and_leaves_as_given() {
    let mut api = Api::start().await;
    let mut watch = api.watch(ADA).await;
    let queued = api.send(text(ADA, " Hello ")).await;
    assert_eq!((queued.state(), queued.attempts, queued.channel()), (State::Queued, 0, Channel::Email));
    assert_eq!((queued.user_id.as_str(), queued.recipient.as_str()), (ADA, "ada@example.org"));
    assert_eq!((queued.subject.as_str(), queued.template.as_str()), ("Hello", ""));
    assert_eq!(queued.message_id, format!("<{}@example.org>", queued.notification_id));
    let left = sent(&mut watch).await;
    assert_eq!(left.attempts, 1);
    assert_eq!(api.get(&queued.notification_id).await, left);
    let mail = api.mail(&queued.notification_id);
    for part in
        [&format!("Message-ID: {}", queued.message_id), "Subject: Hello", "To: ada@example.org", "Body"]
    {
        assert!(mail.contains(part), "no {part} in {mail}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_template_is_filled_in() {
    let mut api = Api::start().await;
    let mut watch = api.watch(ADA).await;
    let queued = api.send(welcome("welcome", &[("email", "ada@example.org"), ("unasked", "x")])).await;
    assert_eq!((queued.template.as_str(), queued.subject.as_str()), ("welcome", "Welcome, ada@example.org"));
    sent(&mut watch).await;
    let mail = api.mail(&queued.notification_id);
    assert!(mail.contains("Subject: Welcome, ada@example.org") && mail.contains("text/html"), "{mail}");
    api.stop().await;
}

#[tokio::test]
async fn a_mail_leaves_through_the_relay_when_one_is_configured() {
    let sink = Sink::start(Security::Plain).await.unwrap();
    let mut api = Api::start_with(MailConfig::Smtp(plain(&sink)), NOWHERE).await;
    let mut watch = api.watch("").await;
    let queued = api.send(text(ADA, "Hello")).await;
    sent(&mut watch).await;
    let mails = sink.mailbox().deliveries().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].message_id, queued.message_id);
    api.stop().await;
}

#[tokio::test]
async fn everything_wrong_with_a_request_is_told_at_once() {
    let mut api = Api::start().await;
    let wrong = |content| SendNotificationRequest {
        user_id: "42".to_owned(),
        recipient: "nobody\r\nBcc: eve@example.org".to_owned(),
        content,
        request_id: "x".repeat(65),
    };
    let bad_text = TextContent { subject: "two\nlines".to_owned(), body: String::new() };
    let bad_template = TemplateContent { name: "farewell".to_owned(), ..TemplateContent::default() };
    let cases = [
        (None, vec!["content"]),
        (Some(Content::Text(bad_text)), vec!["text.subject", "text.body"]),
        (Some(Content::Template(bad_template)), vec!["template.name"]),
    ];
    for (content, of_content) in cases {
        let refused = api.client.send_notification(wrong(content)).await.unwrap_err();
        assert_eq!(told(&refused), (Code::InvalidArgument, "REQUEST_INVALID".to_owned()));
        assert_eq!(fields(&refused), [vec!["user_id", "recipient", "request_id"], of_content].concat());
    }
    api.stop().await;
}

#[tokio::test]
async fn a_template_must_exist_and_get_what_it_asks_for() {
    let mut api = Api::start().await;
    let unknown = api.client.send_notification(welcome("farewell", &[])).await.unwrap_err();
    assert_eq!(told(&unknown), (Code::InvalidArgument, "TEMPLATE_UNKNOWN".to_owned()));
    assert_eq!(fields(&unknown), ["template.name"]);
    let missing = api.client.send_notification(welcome("welcome", &[("e-mail", "x")])).await.unwrap_err();
    assert_eq!(told(&missing), (Code::InvalidArgument, "PARAMETER_MISSING".to_owned()));
    assert!(missing.message().contains("\"email\""), "{missing:?}");
    let listed = api.client.list_notifications(list(ADA, 0, "")).await.unwrap().into_inner();
    assert_eq!(listed.notifications, [], "a refusal takes nothing on");
    api.stop().await;
}

#[tokio::test]
async fn a_repeated_request_sends_nothing_and_other_content_is_refused() {
    let mut api = Api::start().await;
    let mut watch = api.watch("").await;
    let request = SendNotificationRequest { request_id: "r1".to_owned(), ..text(ADA, "Hello") };
    let first = api.send(request.clone()).await;
    sent(&mut watch).await;
    assert_eq!(api.send(request.clone()).await, first, "the answer of the first time");
    for other in [
        SendNotificationRequest { user_id: BOB.to_owned(), ..request.clone() },
        SendNotificationRequest { request_id: "r1".to_owned(), ..text(ADA, "Goodbye") },
    ] {
        let refused = api.client.send_notification(other).await.unwrap_err();
        assert_eq!(told(&refused), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
    }
    // Without a name nothing can be told to be a repeat.
    let unnamed = api.send(text(ADA, "Hello")).await;
    sent(&mut watch).await;
    let mut mails = api.mails();
    mails.sort_unstable();
    let mut expected = [first, unnamed].map(|notification| format!("{}.eml", notification.notification_id));
    expected.sort_unstable();
    assert_eq!(mails, expected);
    api.stop().await;
}

#[tokio::test]
async fn a_forgotten_name_may_be_given_to_another_message() {
    let mut api = Api::start().await;
    let request = |subject| SendNotificationRequest { request_id: "r1".to_owned(), ..text(ADA, subject) };
    let first = api.send(request("Hello")).await;
    api.hand.advance(REMEMBERED);
    let second = api.send(request("Goodbye")).await;
    assert_ne!(second.notification_id, first.notification_id);
    assert_eq!(second.subject, "Goodbye");
    api.stop().await;
}

#[tokio::test]
async fn nothing_is_found_under_an_unknown_id() {
    let mut api = Api::start().await;
    let request = |id: &str| GetNotificationRequest { notification_id: id.to_owned() };
    let unknown = api.client.get_notification(request(ADA)).await.unwrap_err();
    assert_eq!(told(&unknown), (Code::NotFound, "NOTIFICATION_NOT_FOUND".to_owned()));
    let wrong = api.client.get_notification(request("42")).await.unwrap_err();
    assert_eq!(told(&wrong), (Code::InvalidArgument, "NOTIFICATION_ID_INVALID".to_owned()));
    api.stop().await;
}

#[tokio::test]
async fn pages_cover_a_users_notifications_once_newest_first() {
    let mut api = Api::start().await;
    for n in 0..7 {
        api.send(text(ADA, &format!("Subject {n}"))).await;
        api.send(text(BOB, "Not hers")).await;
        api.hand.advance(Duration::from_millis(1));
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = api.client.list_notifications(list(ADA, 3, &token)).await.unwrap().into_inner();
        assert!(page.notifications.len() <= 3);
        seen.extend(page.notifications.into_iter().map(|notification| notification.subject));
        assert!(seen.len() <= 7, "the pages go round in circles");
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, (0..7).rev().map(|n| format!("Subject {n}")).collect::<Vec<_>>());
    api.stop().await;
}

#[tokio::test]
async fn a_page_token_is_good_for_its_own_list_only() {
    let mut api = Api::start().await;
    for _ in 0..2 {
        api.send(text(ADA, "Hello")).await;
    }
    let page = api.client.list_notifications(list(ADA, 1, "")).await.unwrap().into_inner();
    let of_another = api.client.list_notifications(list(BOB, 1, &page.next_page_token)).await.unwrap_err();
    assert_eq!(told(&of_another), (Code::InvalidArgument, "PAGE_TOKEN_INVALID".to_owned()));
    let wrong = api.client.list_notifications(list("42", -1, "made up")).await.unwrap_err();
    assert_eq!(fields(&wrong), ["user_id", "page_size", "page_token"]);
    api.stop().await;
}
