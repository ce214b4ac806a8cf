//! What tests ask, and what they look at.

use std::time::Duration;

use mesh_rpc::deadline::{Deadline, scope};
use proto::{
    payment::v1::{
        Balance, CancelPaymentRequest, CapturePaymentRequest, CreatePaymentRequest, GetBalanceRequest,
        GetPaymentRequest, LedgerEntry, ListLedgerEntriesRequest, ListPaymentsRequest, Money, Payment,
        RefundPaymentRequest, State,
    },
    provider::v1::{self as provider, ListTransactionsRequest},
    user::v1::CreateUserRequest,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::World;

/// The longest that anything is waited for, before a test fails.
const FOR_EVER: Duration = Duration::from_secs(60);

/// Not long enough for a provider that is slow or down.
const HURRY: Duration = Duration::from_millis(300);

/// An amount of euros, in cents.
pub(crate) fn money(amount_minor: i64) -> Money {
    Money { amount_minor, currency: "EUR".to_owned() }
}

/// An order of euros.
pub(crate) fn order(user_id: &str, minor: i64, token: &str, request_id: &str) -> CreatePaymentRequest {
    CreatePaymentRequest {
        user_id: user_id.to_owned(),
        amount: Some(money(minor)),
        payment_method: token.to_owned(),
        capture_immediately: false,
        request_id: request_id.to_owned(),
    }
}

/// The code and the reason of an error, which must carry `ErrorInfo`.
pub(crate) fn told(status: &Status) -> (Code, String) {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "payment.v1");
    (status.code(), info.reason)
}

/// The fields that an error complains of.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let request = status.get_details_bad_request().unwrap_or_else(|| panic!("no BadRequest in {status:?}"));
    request.field_violations.into_iter().map(|violation| violation.field).collect()
}

impl World {
    /// A user who is there.
    pub(crate) async fn user(&mut self, email: &str) -> String {
        let request = CreateUserRequest {
            email: email.to_owned(),
            display_name: "Ada".to_owned(),
            ..Default::default()
        };
        self.users.create_user(request).await.unwrap().into_inner().user.unwrap().user_id
    }

    pub(crate) async fn create(&mut self, order: CreatePaymentRequest) -> Result<Payment, Status> {
        Ok(self.payments.create_payment(order).await?.into_inner().payment.unwrap())
    }

    /// The payment as far as it has come within a time that is too short for the provider, however long the
    /// machine takes for all the rest.
    pub(crate) async fn hurry(&mut self, order: CreatePaymentRequest) -> Payment {
        loop {
            let deadline = Deadline::after(HURRY).unwrap();
            match scope(deadline, self.create(order.clone())).await {
                Ok(payment) => return payment,
                Err(status) => {
                    let code = status.code();
                    assert!(matches!(code, Code::DeadlineExceeded | Code::Unavailable), "{status:?}");
                }
            }
        }
    }

    /// A payment of a new user, captured whole; its id and the user's.
    pub(crate) async fn captured(&mut self, minor: i64, token: &str) -> (String, String) {
        let user = self.user("ada@example.org").await;
        let order =
            CreatePaymentRequest { capture_immediately: true, ..order(&user, minor, token, "captured") };
        let payment = self.create(order).await.unwrap();
        assert_eq!(payment.state(), State::Captured);
        (payment.payment_id, user)
    }

    /// A payment of a new user, authorized; its id and the user's.
    pub(crate) async fn authorized(&mut self, minor: i64, token: &str) -> (String, String) {
        let user = self.user("ada@example.org").await;
        let payment = self.create(order(&user, minor, token, "authorized")).await.unwrap();
        assert_eq!(payment.state(), State::Authorized);
        (payment.payment_id, user)
    }

    pub(crate) async fn capture(
        &mut self,
        id: &str,
        minor: Option<i64>,
        request: &str,
    ) -> Result<Payment, Status> {
        let request = CapturePaymentRequest {
            payment_id: id.to_owned(),
            amount: minor.map(money),
            request_id: request.to_owned(),
        };
        Ok(self.payments.capture_payment(request).await?.into_inner().payment.unwrap())
    }

    pub(crate) async fn cancel(&mut self, id: &str, request: &str) -> Result<Payment, Status> {
        let request = CancelPaymentRequest { payment_id: id.to_owned(), request_id: request.to_owned() };
        Ok(self.payments.cancel_payment(request).await?.into_inner().payment.unwrap())
    }

    pub(crate) async fn refund(
        &mut self,
        id: &str,
        minor: Option<i64>,
        request: &str,
    ) -> Result<Payment, Status> {
        let request = RefundPaymentRequest {
            payment_id: id.to_owned(),
            amount: minor.map(money),
            request_id: request.to_owned(),
        };
        Ok(self.payments.refund_payment(request).await?.into_inner().payment.unwrap())
    }

    pub(crate) async fn get(&mut self, id: &str) -> Result<Payment, Status> {
        let request = GetPaymentRequest { payment_id: id.to_owned() };
        Ok(self.payments.get_payment(request).await?.into_inner().payment.unwrap())
    }

    /// The newest hundred payments of a user.
    pub(crate) async fn listed(&mut self, user: &str) -> Vec<Payment> {
        let request = ListPaymentsRequest { user_id: user.to_owned(), page_size: 100, ..Default::default() };
        self.payments.list_payments(request).await.unwrap().into_inner().payments
    }

    pub(crate) async fn balance(&mut self, user: &str) -> Balance {
        let request = GetBalanceRequest { user_id: user.to_owned(), currency: "EUR".to_owned() };
        self.payments.get_balance(request).await.unwrap().into_inner().balance.unwrap()
    }

    pub(crate) async fn ledger(&mut self, user: &str) -> Vec<LedgerEntry> {
        let request = ListLedgerEntriesRequest {
            user_id: user.to_owned(),
            currency: "EUR".to_owned(),
            page_size: 1_000,
            ..Default::default()
        };
        self.payments.list_ledger_entries(request).await.unwrap().into_inner().entries
    }

    /// Waits until the payment is in this state.
    pub(crate) async fn until(&mut self, id: &str, state: State) -> Payment {
        let mut last = None;
        let wait = async {
            loop {
                let payment = self.get(id).await.unwrap();
                if payment.state() == state {
                    return payment;
                }
                last = Some(payment.state());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        match tokio::time::timeout(FOR_EVER, wait).await {
            Ok(payment) => payment,
            Err(_) => panic!("waited for {state:?}, but the payment is {last:?}"),
        }
    }

    /// What the provider's own books say, as number of the operation, kind, amount and status.
    pub(crate) async fn transactions(&mut self) -> Vec<(String, provider::Kind, i64, provider::Status)> {
        let request = ListTransactionsRequest { page_size: 1_000, ..Default::default() };
        let listed = self.provider.list_transactions(request).await.unwrap().into_inner().transactions;
        listed
            .into_iter()
            .map(|done| (done.key.clone(), done.kind(), done.amount_minor, done.status()))
            .collect()
    }

    /// The kinds of the events that were published, in the order of the payments' versions.
    pub(crate) async fn events(&self) -> Vec<String> {
        let mut told = self.envelopes().await;
        told.sort_by_key(|event| event.version);
        told.into_iter().map(|event| event.kind.to_string()).collect()
    }

    /// The events that were published.
    pub(crate) async fn envelopes(&self) -> Vec<mesh_events::Envelope> {
        self.service().outbox.pending(Duration::ZERO, None, 10_000).await.unwrap()
    }
}
