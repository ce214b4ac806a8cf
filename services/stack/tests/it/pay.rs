//! The story of a payment: held, taken in part, given back in part, told by mail, and all of it is there, and right,
//! the next day.

use std::path::Path;

use proto::{
    notification::v1::{ListNotificationsRequest, State as Delivery},
    payment::v1::{
        CapturePaymentRequest, CreatePaymentRequest, GetBalanceRequest, GetPaymentRequest,
        ListLedgerEntriesRequest, Money, Phase, ReconcileRequest, RefundPaymentRequest, State,
    },
    user::v1::{CreateUserRequest, DeleteUserRequest},
};
use tonic::Code;

use crate::process::{Stack, eventually};

fn euro(amount_minor: i64) -> Option<Money> {
    Some(Money { amount_minor, currency: "EUR".to_owned() })
}

async fn user(stack: &Stack, email: &str) -> String {
    let request =
        CreateUserRequest { email: email.to_owned(), display_name: "Ada".to_owned(), ..Default::default() };
    stack.users().create_user(request).await.unwrap().into_inner().user.unwrap().user_id
}

fn order(user_id: &str, request_id: &str) -> CreatePaymentRequest {
    CreatePaymentRequest {
        user_id: user_id.to_owned(),
        amount: euro(4_200),
        payment_method: "tok_ok".to_owned(),
        capture_immediately: false,
        request_id: request_id.to_owned(),
    }
}

/// The subjects of all mails below a data folder, sorted.
fn subjects(data: &Path) -> Vec<String> {
    let files = std::fs::read_dir(data.join("mails")).unwrap().map(|entry| entry.unwrap().path());
    let mails = files.filter(|path| path.extension().is_some_and(|end| end == "eml"));
    let subject = |path| {
        let mail = std::fs::read_to_string(path).unwrap();
        mail.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned()
    };
    let mut subjects: Vec<_> = mails.map(subject).collect();
    subjects.sort();
    subjects
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_taken_given_back_in_part_told_and_remembered() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let user_id = user(&stack, "ada@example.org").await;
    let held = stack.payments().create_payment(order(&user_id, "pay")).await.unwrap().into_inner();
    let payment_id = held.payment.as_ref().unwrap().payment_id.clone();
    assert_eq!(held.payment.unwrap().state(), State::Authorized);

    let capture = CapturePaymentRequest {
        payment_id: payment_id.clone(),
        amount: euro(4_000),
        request_id: "capture".to_owned(),
    };
    let taken = stack.payments().capture_payment(capture).await.unwrap().into_inner().payment.unwrap();
    assert_eq!((taken.state(), taken.captured), (State::Captured, euro(4_000)));
    let refund = RefundPaymentRequest {
        payment_id: payment_id.clone(),
        amount: euro(1_000),
        request_id: "refund".to_owned(),
    };
    let given = stack.payments().refund_payment(refund).await.unwrap().into_inner().payment.unwrap();
    assert_eq!((given.state(), given.refunded.clone()), (State::PartiallyRefunded, euro(1_000)));

    let list = ListNotificationsRequest { user_id: user_id.clone(), ..Default::default() };
    eventually("welcome and two receipts are sent", async || {
        let listed = stack.notifications().list_notifications(list.clone()).await.unwrap().into_inner();
        listed.notifications.iter().filter(|mail| mail.state() == Delivery::Sent).count() == 3
    })
    .await;
    let told = ["Receipt for EUR 40.00", "Refund of EUR 10.00", "Welcome, ada@example.org"];
    assert_eq!(subjects(data.path()), told);
    assert!(stack.terminate().success());

    let stack = Stack::start(data.path());
    let get = GetPaymentRequest { payment_id: payment_id.clone() };
    let kept = stack.payments().get_payment(get).await.unwrap().into_inner().payment.unwrap();
    assert_eq!(kept, given);
    let entries = ListLedgerEntriesRequest {
        user_id: user_id.clone(),
        currency: "EUR".to_owned(),
        ..Default::default()
    };
    let entries = stack.payments().list_ledger_entries(entries).await.unwrap().into_inner().entries;
    let moved: Vec<_> =
        entries.iter().map(|e| (e.phase(), e.amount.as_ref().unwrap().amount_minor)).collect();
    assert_eq!(
        moved,
        [(Phase::Pending, 4_200), (Phase::Posted, 4_000), (Phase::Pending, 1_000), (Phase::Posted, 1_000)]
    );
    let book = GetBalanceRequest { user_id, currency: "EUR".to_owned() };
    let balance = stack.payments().get_balance(book).await.unwrap().into_inner().balance.unwrap();
    assert_eq!((balance.held_minor, balance.available_minor), (0, 3_000));
    let report =
        stack.reconciliation().reconcile(ReconcileRequest {}).await.unwrap().into_inner().report.unwrap();
    assert_eq!((report.finding_count, report.books, report.operations, report.transactions), (0, 1, 3, 3));
    assert!(stack.terminate().success());
    assert_eq!(subjects(data.path()), told, "nothing is told twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_a_user_any_more_cannot_pay() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let user_id = user(&stack, "gone@example.org").await;
    stack
        .users()
        .delete_user(DeleteUserRequest { user_id: user_id.clone(), ..Default::default() })
        .await
        .unwrap();
    let refused = stack.payments().create_payment(order(&user_id, "pay")).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    assert!(stack.terminate().success());
}
