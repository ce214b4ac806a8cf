//! `payment.v1.PaymentService`.

use async_trait::async_trait;
use proto::payment::v1::{
    CancelPaymentRequest, CancelPaymentResponse, CapturePaymentRequest, CapturePaymentResponse,
    CreatePaymentRequest, CreatePaymentResponse, GetBalanceRequest, GetBalanceResponse, GetPaymentRequest,
    GetPaymentResponse, ListLedgerEntriesRequest, ListLedgerEntriesResponse, ListPaymentsRequest,
    ListPaymentsResponse, RefundPaymentRequest, RefundPaymentResponse,
    payment_service_server::PaymentService,
};
use service_kit::{error::Violations, paging};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::convert;
use crate::{
    app::{Order, Payments},
    domain::{PaymentId, PaymentMethod, UserId},
    error::Error,
};

/// The service as gRPC sees it.
#[derive(Clone, Debug)]
pub struct PaymentApi(Payments);

impl PaymentApi {
    /// An API of these use cases.
    #[must_use]
    pub fn new(payments: Payments) -> Self {
        Self(payments)
    }
}

#[async_trait]
impl PaymentService for PaymentApi {
    async fn create_payment(
        &self,
        request: Request<CreatePaymentRequest>,
    ) -> Result<Response<CreatePaymentResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let user = violations.keep(UserId::parse("user_id", &message.user_id));
        let amount = match &message.amount {
            Some(amount) => violations.keep_all(convert::amount("amount", amount)),
            None => {
                violations.add("amount", "AMOUNT_MISSING", "must be given");
                None
            }
        };
        let method = violations.keep(PaymentMethod::parse("payment_method", &message.payment_method));
        let request = violations.keep(convert::request("CreatePayment", &message.request_id, &message));
        let is_immediate = message.capture_immediately;
        let (order, request) = violations
            .finish(|| {
                Some((Order { user: user?, amount: amount?, method: method?, is_immediate }, request?))
            })
            .map_err(Error::Invalid)?;
        let payment = self.0.create(order, request).await?;
        Ok(Response::new(CreatePaymentResponse { payment: Some(convert::payment(&payment)) }))
    }

    async fn capture_payment(
        &self,
        request: Request<CapturePaymentRequest>,
    ) -> Result<Response<CapturePaymentResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let id = violations.keep(PaymentId::parse("payment_id", &message.payment_id));
        let amount = violations.keep_all(convert::some_amount("amount", message.amount.as_ref()));
        let request = violations.keep(convert::request("CapturePayment", &message.request_id, &message));
        let (id, amount, request) =
            violations.finish(|| Some((id?, amount?, request?))).map_err(Error::Invalid)?;
        let payment = self.0.capture(id, amount, request).await?;
        Ok(Response::new(CapturePaymentResponse { payment: Some(convert::payment(&payment)) }))
    }

    async fn cancel_payment(
        &self,
        request: Request<CancelPaymentRequest>,
    ) -> Result<Response<CancelPaymentResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let id = violations.keep(PaymentId::parse("payment_id", &message.payment_id));
        let request = violations.keep(convert::request("CancelPayment", &message.request_id, &message));
        let (id, request) = violations.finish(|| Some((id?, request?))).map_err(Error::Invalid)?;
        let payment = self.0.cancel(id, request).await?;
        Ok(Response::new(CancelPaymentResponse { payment: Some(convert::payment(&payment)) }))
    }

    async fn refund_payment(
        &self,
        request: Request<RefundPaymentRequest>,
    ) -> Result<Response<RefundPaymentResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let id = violations.keep(PaymentId::parse("payment_id", &message.payment_id));
        let amount = violations.keep_all(convert::some_amount("amount", message.amount.as_ref()));
        let request = violations.keep(convert::request("RefundPayment", &message.request_id, &message));
        let (id, amount, request) =
            violations.finish(|| Some((id?, amount?, request?))).map_err(Error::Invalid)?;
        let payment = self.0.refund(id, amount, request).await?;
        Ok(Response::new(RefundPaymentResponse { payment: Some(convert::payment(&payment)) }))
    }

    async fn get_payment(
        &self,
        request: Request<GetPaymentRequest>,
    ) -> Result<Response<GetPaymentResponse>, Status> {
        let payment = self.0.get(convert::payment_id(&request.into_inner().payment_id)?).await?;
        Ok(Response::new(GetPaymentResponse { payment: Some(convert::payment(&payment)) }))
    }

    async fn list_payments(
        &self,
        request: Request<ListPaymentsRequest>,
    ) -> Result<Response<ListPaymentsResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let user = violations.keep(UserId::parse("user_id", &message.user_id));
        let size = violations.keep(paging::page_size(message.page_size));
        // A token belongs to the list of one user, so without a user there is nothing to hold it against.
        let list = user.map(|user| format!("payment.v1.payments/{user}"));
        let before = list.as_ref().and_then(|list| violations.keep(read_payment(list, &message.page_token)));
        let (user, size, list, before) =
            violations.finish(|| Some((user?, size?, list?, before?))).map_err(Error::Invalid)?;
        let (payments, more) = self.0.list(user, before, size).await?;
        let last = payments.last().filter(|_| more);
        let next_page_token =
            last.map(|last| paging::encode(&list, last.id.0.as_bytes())).unwrap_or_default();
        let payments = payments.iter().map(convert::payment).collect();
        Ok(Response::new(ListPaymentsResponse { payments, next_page_token }))
    }

    async fn list_ledger_entries(
        &self,
        request: Request<ListLedgerEntriesRequest>,
    ) -> Result<Response<ListLedgerEntriesResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let book = convert::book(&mut violations, &message.user_id, &message.currency);
        let size = violations.keep(paging::page_size(message.page_size));
        let list = book.map(|book| format!("payment.v1.entries/{book}"));
        let after = list.as_ref().and_then(|list| violations.keep(read_version(list, &message.page_token)));
        let (book, size, list, after) =
            violations.finish(|| Some((book?, size?, list?, after?))).map_err(Error::Invalid)?;
        let (entries, more) = self.0.entries(book, after, size).await?;
        let last = entries.last().filter(|_| more);
        let next_page_token =
            last.map(|last| paging::encode(&list, &last.version.to_be_bytes())).unwrap_or_default();
        let entries = entries.iter().map(convert::entry).collect();
        Ok(Response::new(ListLedgerEntriesResponse { entries, next_page_token }))
    }

    async fn get_balance(
        &self,
        request: Request<GetBalanceRequest>,
    ) -> Result<Response<GetBalanceResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let book = convert::book(&mut violations, &message.user_id, &message.currency);
        let book = violations.finish(|| book).map_err(Error::Invalid)?;
        let balance = convert::balance(&self.0.balance(book).await?)?;
        Ok(Response::new(GetBalanceResponse { balance: Some(balance) }))
    }
}

fn read_payment(list: &str, token: &str) -> Result<Option<PaymentId>, paging::BadToken> {
    let last = paging::decode(list, token)?.map(|bytes| Uuid::from_slice(&bytes)).transpose();
    Ok(last.map_err(|_| paging::BadToken)?.map(PaymentId))
}

fn read_version(list: &str, token: &str) -> Result<u64, paging::BadToken> {
    let Some(last) = paging::decode(list, token)? else { return Ok(0) };
    let last = <[u8; 8]>::try_from(last.as_slice()).map_err(|_| paging::BadToken)?;
    Ok(u64::from_be_bytes(last))
}
