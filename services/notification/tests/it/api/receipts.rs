//! The consumer that sends receipts for payments.

pub(super) mod events;

use std::time::Duration;

use mesh_events::{Bus as _, Envelope};
use notification::{MailConfig, domain::NotificationId, events::RECEIPTS_QUEUE};
use proto::{
    notification::v1::{ListNotificationsRequest, ListParkedEventsRequest, Notification, State},
    user::v1::{GetUserRequest, get_user_request::Key},
};
use tonic::Code;

use super::{Api, people::People, sent, until};
use events::{PAYMENT, canceled, capture_in_part, captured, event, failed, refunded};

const ADDRESS: &str = "ada@example.org";

/// Both services, and a user who pays.
struct Shop {
    api: Api,
    people: People,
    payer: String,
}

impl Shop {
    async fn open() -> Self {
        Self::with(People::start().await).await
    }

    async fn with(mut people: People) -> Self {
        let payer = people.join(ADDRESS).await;
        let api = Api::start_with(MailConfig::Files, people.address).await;
        Self { api, people, payer }
    }

    /// The receipt that an event becomes, once its mail has left, and the mail.
    async fn receipt(&mut self, event: Envelope, template: &str) -> (Notification, String) {
        let mut watch = self.api.watch(&self.payer).await;
        let id = NotificationId::of_event(event.id, template).to_string();
        self.api.bus.publish(&[event]).await.unwrap();
        let receipt = sent(&mut watch).await;
        assert_eq!((receipt.notification_id.as_str(), receipt.template.as_str()), (id.as_str(), template));
        assert_eq!((receipt.recipient.as_str(), receipt.attempts), (ADDRESS, 1));
        // Lines that were folded for the wire, unfolded.
        let mail = self.api.mail(&id).replace("=\r\n", "");
        assert!(mail.contains(PAYMENT) && mail.contains("2023-11-14 22:13 UTC"), "{mail}");
        (receipt, mail)
    }

    /// Waits until every event is settled, one way or the other.
    async fn settled(&self) {
        until(async || self.api.bus.depth(RECEIPTS_QUEUE).await.unwrap().is_quiet()).await;
    }

    async fn parked(&self) -> u64 {
        self.api.bus.depth(RECEIPTS_QUEUE).await.unwrap().parked
    }

    async fn receipts(&mut self) -> Vec<Notification> {
        let request = ListNotificationsRequest { user_id: self.payer.clone(), ..Default::default() };
        self.api.client.list_notifications(request).await.unwrap().into_inner().notifications
    }

    async fn close(self) {
        self.api.stop().await;
        self.people.stop().await;
    }
}

#[track_caller]
fn says(mail: &str, parts: &[&str]) {
    for part in parts {
        assert!(mail.contains(part), "no {part:?} in {mail}");
    }
}

#[tokio::test]
async fn a_capture_in_part_says_what_was_taken_and_what_is_free_again() {
    let mut shop = Shop::open().await;
    let body = capture_in_part(&shop.payer);
    let (receipt, mail) = shop.receipt(captured(1, &body), "payment_captured").await;
    assert_eq!(receipt.subject, "Receipt for EUR 10.50");
    says(&mail, &["Authorized: EUR 20.00", "Taken: EUR 10.50", "Released: EUR 9.50", "<td>EUR 9.50</td>"]);
    assert_eq!(shop.receipts().await, [receipt], "listed with its template");
    shop.close().await;
}

#[tokio::test]
async fn a_capture_of_everything_releases_nothing() {
    let mut shop = Shop::open().await;
    let body = events::capture_in_part(&shop.payer);
    let body = proto::event::v1::PaymentCaptured { amount_minor: 2_000, ..body };
    let (_, mail) = shop.receipt(captured(1, &body), "payment_captured").await;
    says(&mail, &["Taken: EUR 20.00"]);
    assert!(!mail.contains("Released"), "{mail}");
    shop.close().await;
}

#[tokio::test]
async fn each_refund_has_its_own_receipt() {
    let mut shop = Shop::open().await;
    for n in 1..=2 {
        let (receipt, mail) = shop.receipt(refunded(n, &shop.payer), "payment_refunded").await;
        assert_eq!(receipt.subject, "Refund of JPY 1050");
        says(&mail, &["JPY 1050 back to you", "Taken: JPY 5000", "Given back so far: JPY 1200"]);
    }
    assert_eq!((shop.receipts().await.len(), shop.api.mails().len()), (2, 2));
    shop.close().await;
}

#[tokio::test]
async fn a_cancellation_says_why() {
    let mut shop = Shop::open().await;
    let reasons = [("requested", "It was canceled on request."), ("expired", "has expired."), ("other", "")];
    for (n, (reason, words)) in (1..).zip(reasons) {
        let (receipt, mail) = shop.receipt(canceled(n, &shop.payer, reason), "payment_canceled").await;
        assert_eq!(receipt.subject, "Your payment of BHD 1.050 was canceled");
        says(&mail, &[words]);
        assert!(!mail.contains("other"), "{mail}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_refused_payment_says_why_if_that_may_be_told() {
    let mut shop = Shop::open().await;
    let reasons = [("insufficient_funds", "There were not enough funds."), ("stolen_card", ""), ("", "")];
    for (n, (code, words)) in (1..).zip(reasons) {
        let event = failed(n, &shop.payer, "authorize", code);
        let (receipt, mail) = shop.receipt(event, "payment_failed").await;
        assert_eq!(receipt.subject, "Your payment of EUR 10.50 was refused");
        says(&mail, &[words, "nothing was taken"]);
        assert!(!mail.contains("stolen") && !mail.contains("insufficient_funds"), "{mail}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_refused_capture_or_refund_is_no_news_for_whoever_pays() {
    let mut shop = Shop::open().await;
    let refusals = [(1, "capture"), (2, "refund")];
    let events = refusals.map(|(n, operation)| failed(n, &shop.payer, operation, "processing_error"));
    shop.api.bus.publish(&events).await.unwrap();
    shop.settled().await;
    assert_eq!((shop.receipts().await, shop.parked().await), (Vec::new(), 0));
    shop.close().await;
}

#[tokio::test]
async fn an_event_that_comes_again_makes_one_mail() {
    let mut shop = Shop::open().await;
    let event = captured(1, &capture_in_part(&shop.payer));
    // Twice at once, and once more when the mail has left.
    let mut watch = shop.api.watch(&shop.payer).await;
    shop.api.bus.publish(&[event.clone(), event.clone()]).await.unwrap();
    let receipt = sent(&mut watch).await;
    shop.api.bus.publish(&[event]).await.unwrap();
    shop.settled().await;
    assert_eq!(shop.receipts().await, std::slice::from_ref(&receipt));
    assert_eq!(shop.api.mails(), [format!("{}.eml", receipt.notification_id)]);
    assert_eq!(shop.parked().await, 0);
    shop.close().await;
}

#[tokio::test]
async fn nobody_is_told_once_the_user_is_gone() {
    let mut shop = Shop::open().await;
    shop.people.leave(&shop.payer).await;
    let events = [captured(1, &capture_in_part(&shop.payer)), refunded(2, &shop.payer)];
    shop.api.bus.publish(&events).await.unwrap();
    shop.settled().await;
    assert_eq!((shop.receipts().await, shop.parked().await), (Vec::new(), 0));
    shop.close().await;
}

#[tokio::test]
async fn a_receipt_waits_for_a_user_service_that_is_down() {
    let mut shop = Shop::with(People::behind_a_closed_door().await).await;
    let mut watch = shop.api.watch(&shop.payer).await;
    shop.api.bus.publish(&[captured(1, &capture_in_part(&shop.payer))]).await.unwrap();
    until(async || shop.api.bus.depth(RECEIPTS_QUEUE).await.unwrap().waiting == 1).await;
    assert_eq!(shop.receipts().await, []);

    shop.people.open();
    // The channel waits a moment after a refused connection; the ladder should not climb because of that.
    let (asking, key) = (shop.api.asking.clone(), Key::UserId(shop.payer.clone()));
    until(async || {
        let request = GetUserRequest { key: Some(key.clone()), ..Default::default() };
        let asked = asking.clone().get_user(request).await;
        assert!(asked.as_ref().err().is_none_or(|status| status.code() == Code::Unavailable), "{asked:?}");
        asked.is_ok()
    })
    .await;
    shop.api.hand.advance(Duration::from_secs(10));
    let receipt = sent(&mut watch).await;
    assert_eq!((receipt.template.as_str(), receipt.recipient.as_str()), ("payment_captured", ADDRESS));
    shop.settled().await;
    assert_eq!(shop.api.mails().len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_set_aside_and_does_not_hold_up_the_next() {
    let mut shop = Shop::open().await;
    let good = capture_in_part(&shop.payer);
    let with = |change: &dyn Fn(&mut proto::event::v1::PaymentCaptured)| {
        let mut body = good.clone();
        change(&mut body);
        serde_json::to_vec(&body).unwrap()
    };
    let cases: [(Vec<u8>, &str); 7] = [
        (b"no JSON".to_vec(), "the body is no payment.captured: Syntax error at line 1, column 2"),
        (b"{}".to_vec(), "the currency must be"),
        (with(&|body| body.currency = "EURO".to_owned()), "the currency must be"),
        (with(&|body| body.user_id = "42".to_owned()), "the user_id is no UUID"),
        (with(&|body| body.payment_id = "42".to_owned()), "the payment_id is no UUID"),
        (with(&|body| body.amount_minor = 2_001), "more was captured than authorized"),
        (with(&|body| body.timestamp = None), "there is no timestamp"),
    ];
    let events: Vec<_> =
        (1..).zip(&cases).map(|(n, (body, _))| event(n, "payment.captured", body.clone())).collect();
    shop.api.bus.publish(&events).await.unwrap();
    shop.receipt(captured(100, &good), "payment_captured").await;
    shop.settled().await;
    let request = ListParkedEventsRequest { queue: RECEIPTS_QUEUE.to_owned(), ..Default::default() };
    let parked = shop.api.client.list_parked_events(request).await.unwrap().into_inner().events;
    assert_eq!(parked.len(), cases.len());
    for (event, (_, reason)) in parked.iter().zip(&cases) {
        assert!(event.reason.contains(reason), "{:?} instead of {reason:?}", event.reason);
        assert_eq!(event.attempts, 1);
    }
    assert_eq!(shop.receipts().await.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn money_that_is_only_held_needs_no_receipt() {
    let mut shop = Shop::open().await;
    shop.api.bus.publish(&[event(1, "payment.authorized", "{}")]).await.unwrap();
    let (receipt, _) = shop.receipt(refunded(2, &shop.payer), "payment_refunded").await;
    assert_eq!(receipt.state(), State::Sent);
    shop.settled().await;
    assert_eq!((shop.receipts().await.len(), shop.parked().await), (1, 0));
    shop.close().await;
}
