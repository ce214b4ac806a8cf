//! `provider.v1.ProviderService`: protobuf to domain and back, and nothing else.

use async_trait::async_trait;
use proto::provider::v1::{
    self, ExecuteRequest, ExecuteResponse, ListTransactionsRequest, ListTransactionsResponse, LookupRequest,
    LookupResponse, provider_service_server::ProviderService,
};
use service_kit::{
    clock::timestamp,
    error::{Violation, Violations},
    paging,
};
use tonic::{Request, Response, Status};

use crate::{
    app::Desk,
    domain::{Key, Kind, Method, Order, Outcome, Transaction},
    error::Error,
};

/// The list that page tokens are of.
const LIST: &str = "provider.v1.transactions";

/// The provider as gRPC sees it.
#[derive(Clone, Debug)]
pub(crate) struct ProviderApi(Desk);

impl ProviderApi {
    pub(crate) fn new(desk: Desk) -> Self {
        Self(desk)
    }
}

#[async_trait]
impl ProviderService for ProviderApi {
    async fn execute(&self, request: Request<ExecuteRequest>) -> Result<Response<ExecuteResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let key = violations.keep(Key::parse("key", &message.key));
        let kind = violations.keep(kind(message.kind()));
        let amount_minor = violations.keep(Order::amount("amount_minor", message.amount_minor));
        let currency = violations.keep(Order::currency("currency", &message.currency));
        let method = violations.keep(Method::parse("payment_method", &message.payment_method));
        let order = || {
            Some(Order {
                key: key?,
                kind: kind?,
                amount_minor: amount_minor?,
                currency: currency?,
                method: method?,
            })
        };
        let order = violations.finish(order).map_err(Error::Invalid)?;
        let transaction = Some(transaction(self.0.execute(order).await?));
        Ok(Response::new(ExecuteResponse { transaction }))
    }

    async fn lookup(&self, request: Request<LookupRequest>) -> Result<Response<LookupResponse>, Status> {
        let key = Key::parse("key", &request.into_inner().key).map_err(Error::from)?;
        let transaction = Some(transaction(self.0.find(key).await?));
        Ok(Response::new(LookupResponse { transaction }))
    }

    async fn list_transactions(
        &self,
        request: Request<ListTransactionsRequest>,
    ) -> Result<Response<ListTransactionsResponse>, Status> {
        let message = request.into_inner();
        let mut violations = Violations::default();
        let size = violations.keep(paging::page_size(message.page_size));
        let after = violations.keep(read_token(&message.page_token));
        let (size, after) = violations.finish(|| Some((size?, after?))).map_err(Error::Invalid)?;
        let (listed, more) = self.0.list(after, size).await?;
        let last = listed.last().filter(|_| more);
        let next_page_token =
            last.map(|last| paging::encode(LIST, &last.sequence.to_be_bytes())).unwrap_or_default();
        let transactions = listed.into_iter().map(transaction).collect();
        Ok(Response::new(ListTransactionsResponse { transactions, next_page_token }))
    }
}

fn kind(kind: v1::Kind) -> Result<Kind, Violation> {
    match kind {
        v1::Kind::Authorize => Ok(Kind::Authorize),
        v1::Kind::Capture => Ok(Kind::Capture),
        v1::Kind::Void => Ok(Kind::Void),
        v1::Kind::Refund => Ok(Kind::Refund),
        v1::Kind::Unspecified => {
            Err(Violation::new("kind", "KIND_INVALID", "must be one of Kind, but not 0"))
        }
    }
}

fn transaction(transaction: Transaction) -> v1::Transaction {
    let order = transaction.order;
    let (status, decline_code) = match transaction.outcome {
        Outcome::Pending => (v1::Status::Pending, String::new()),
        Outcome::Settled => (v1::Status::Settled, String::new()),
        Outcome::Declined(code) => (v1::Status::Declined, code),
    };
    let kind = match order.kind {
        Kind::Authorize => v1::Kind::Authorize,
        Kind::Capture => v1::Kind::Capture,
        Kind::Void => v1::Kind::Void,
        Kind::Refund => v1::Kind::Refund,
    };
    v1::Transaction {
        key: order.key.to_string(),
        kind: kind.into(),
        amount_minor: order.amount_minor,
        currency: order.currency.code().to_owned(),
        status: status.into(),
        decline_code,
        create_time: Some(timestamp(transaction.created)),
    }
}

/// The place after which the page begins; 0 for the first.
fn read_token(token: &str) -> Result<u64, paging::BadToken> {
    let Some(last) = paging::decode(LIST, token)? else { return Ok(0) };
    last.try_into().map(u64::from_be_bytes).map_err(|_| paging::BadToken)
}
