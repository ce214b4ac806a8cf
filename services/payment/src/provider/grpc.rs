//! A provider that speaks `provider.v1`, through the mesh.

use async_trait::async_trait;
use mesh_rpc::Channel;
use proto::provider::v1::{
    self, ExecuteRequest, ListTransactionsRequest, ListTransactionsResponse, LookupRequest,
    provider_service_client::ProviderServiceClient,
};
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{Answer, Page, Provider, ProviderError, Transaction, Unreadable, visible};
use crate::domain::{Currency, DeclineCode, Money, Operation, OperationKind, PaymentMethod, ProviderKey};

/// The domain of the reasons that are the provider's own.
const DOMAIN: &str = "provider.v1";

/// Transactions asked for at once.
const PAGE_SIZE: i32 = 500;

/// A provider that speaks `provider.v1`.
#[derive(Clone, Debug)]
pub struct GrpcProvider {
    client: ProviderServiceClient<Channel>,
}

/// An answer that the contract does not allow. It says nothing of what was done.
#[derive(Debug, Error)]
#[error("the provider's answer makes no sense: {0}")]
struct Nonsense(&'static str);

impl GrpcProvider {
    /// The provider at the other end of `channel`.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { client: ProviderServiceClient::new(channel) }
    }
}

#[async_trait]
impl Provider for GrpcProvider {
    async fn execute(&self, operation: &Operation, method: &PaymentMethod) -> Result<Answer, ProviderError> {
        let request = ExecuteRequest {
            key: operation.key.to_string(),
            kind: kind_to(operation.kind).into(),
            amount_minor: operation.amount.minor(),
            currency: operation.amount.currency().code().to_owned(),
            payment_method: method.reveal().to_owned(),
        };
        let response = self.client.clone().execute(request).await.map_err(not_executed)?;
        // A provider that answers with another operation has mixed something up, and money may have moved.
        transaction(response.into_inner().transaction)?.answer_to(operation)
    }

    async fn lookup(&self, key: ProviderKey) -> Result<Option<Transaction>, ProviderError> {
        let request = LookupRequest { key: key.to_string() };
        match self.client.clone().lookup(request).await {
            Ok(response) => transaction(response.into_inner().transaction).map(Some),
            Err(status) if is(&status, Code::NotFound, "TRANSACTION_NOT_FOUND") => Ok(None),
            Err(status) => Err(unknown(status)),
        }
    }

    async fn list(&self, cursor: Option<String>) -> Result<Page, ProviderError> {
        let request =
            ListTransactionsRequest { page_size: PAGE_SIZE, page_token: cursor.unwrap_or_default() };
        let page = self.client.clone().list_transactions(request).await.map_err(unknown)?.into_inner();
        Ok(listed(page))
    }
}

fn listed(page: ListTransactionsResponse) -> Page {
    let (mut transactions, mut unreadable) = (Vec::new(), Vec::new());
    for message in page.transactions {
        let key = message.key.clone();
        match readable(message) {
            Ok(transaction) => transactions.push(transaction),
            Err(Nonsense(why)) => unreadable.push(Unreadable { key, why: why.to_owned() }),
        }
    }
    let next = Some(page.next_page_token).filter(|token| !token.is_empty());
    Page { transactions, unreadable, next }
}

/// What an error of Execute says of the operation. Only the contract's own refusals say that nothing was done;
/// every other error, whatever its code, may have come after it was, or from somebody in between.
fn not_executed(status: Status) -> ProviderError {
    let Some(reason) = reason(&status) else { return unknown(status) };
    let told = || visible(&format!("{reason}: {}", status.message()));
    match status.code() {
        // Something was done under this key, and it is not what was asked for.
        Code::InvalidArgument if reason == "KEY_REUSED" => ProviderError::Contradiction(told()),
        Code::FailedPrecondition | Code::InvalidArgument => ProviderError::NotDone(told()),
        _ => unknown(status),
    }
}

fn is(status: &Status, code: Code, because: &str) -> bool {
    status.code() == code && reason(status).is_some_and(|reason| reason == because)
}

/// The reason of an error that is the provider's own.
fn reason(status: &Status) -> Option<String> {
    let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN);
    info.map(|info| info.reason)
}

fn unknown(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ProviderError {
    ProviderError::Unknown(error.into())
}

fn transaction(message: Option<v1::Transaction>) -> Result<Transaction, ProviderError> {
    readable(message.ok_or_else(|| unknown(Nonsense("no transaction")))?).map_err(unknown)
}

fn readable(message: v1::Transaction) -> Result<Transaction, Nonsense> {
    let kind = kind_of(message.kind()).ok_or(Nonsense("no kind"))?;
    let currency = Currency::restore(&message.currency).ok_or(Nonsense("an unknown currency"))?;
    let answer = match message.status() {
        v1::Status::Pending => Answer::Pending,
        v1::Status::Settled => Answer::Settled,
        v1::Status::Declined => Answer::Declined(DeclineCode::new(&message.decline_code)),
        v1::Status::Unspecified => return Err(Nonsense("no status")),
    };
    Ok(Transaction { key: message.key, kind, amount: Money::new(message.amount_minor, currency), answer })
}

fn kind_to(kind: OperationKind) -> v1::Kind {
    match kind {
        OperationKind::Authorize => v1::Kind::Authorize,
        OperationKind::Capture => v1::Kind::Capture,
        OperationKind::Void => v1::Kind::Void,
        OperationKind::Refund => v1::Kind::Refund,
    }
}

fn kind_of(kind: v1::Kind) -> Option<OperationKind> {
    match kind {
        v1::Kind::Unspecified => None,
        v1::Kind::Authorize => Some(OperationKind::Authorize),
        v1::Kind::Capture => Some(OperationKind::Capture),
        v1::Kind::Void => Some(OperationKind::Void),
        v1::Kind::Refund => Some(OperationKind::Refund),
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn from(domain: &str, code: Code, reason: &str) -> Status {
        let details = ErrorDetails::with_error_info(reason, domain, []);
        Status::with_error_details(code, "no", details)
    }

    fn status(code: Code, reason: &str) -> Status {
        from("provider.v1", code, reason)
    }

    #[test]
    fn only_a_refusal_of_the_contract_says_that_nothing_was_done() {
        for code in [Code::FailedPrecondition, Code::InvalidArgument] {
            let refused = not_executed(status(code, "ABOVE_AUTHORIZED"));
            assert!(
                matches!(&refused, ProviderError::NotDone(why) if why == "ABOVE_AUTHORIZED: no"),
                "{refused:?}"
            );
        }
        let reused = not_executed(status(Code::InvalidArgument, "KEY_REUSED"));
        assert!(matches!(reused, ProviderError::Contradiction(_)), "{reused:?}");
        for code in (0..17).map(Code::from_i32) {
            if code != Code::FailedPrecondition && code != Code::InvalidArgument {
                assert!(matches!(not_executed(status(code, "ANY")), ProviderError::Unknown(_)), "{code:?}");
            }
        }
    }

    #[test]
    fn a_refusal_that_is_not_the_providers_own_says_nothing() {
        for code in [Code::FailedPrecondition, Code::InvalidArgument] {
            for refused in [Status::new(code, "no"), from("mesh.v1", code, "ABOVE_AUTHORIZED")] {
                assert!(matches!(not_executed(refused), ProviderError::Unknown(_)), "{code:?}");
            }
        }
        let key_reused = from("proxy.example", Code::InvalidArgument, "KEY_REUSED");
        assert!(matches!(not_executed(key_reused), ProviderError::Unknown(_)));
        let not_found = |status| is(&status, Code::NotFound, "TRANSACTION_NOT_FOUND");
        assert!(not_found(status(Code::NotFound, "TRANSACTION_NOT_FOUND")));
        assert!(!not_found(from("proxy.example", Code::NotFound, "TRANSACTION_NOT_FOUND")));
        assert!(!not_found(Status::not_found("no such page")));
    }

    #[test]
    fn what_a_refusal_says_is_cut() {
        let details = ErrorDetails::with_error_info("OTHER", "provider.v1", []);
        let message = format!("a\u{1b}[31m\n{}", "x".repeat(10_000));
        let refused = not_executed(Status::with_error_details(Code::FailedPrecondition, message, details));
        let ProviderError::NotDone(why) = refused else { panic!("{refused:?}") };
        assert!(why.starts_with("OTHER: a[31mxxx") && why.len() == 128, "{why}");
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_unknown() {
        let good = v1::Transaction {
            key: "k".to_owned(),
            kind: v1::Kind::Capture.into(),
            amount_minor: 5,
            currency: "EUR".to_owned(),
            status: v1::Status::Settled.into(),
            ..Default::default()
        };
        let read = transaction(Some(good.clone())).unwrap();
        assert_eq!(
            (read.kind, read.amount.minor(), read.answer),
            (OperationKind::Capture, 5, Answer::Settled)
        );
        let wrong = [
            None,
            Some(v1::Transaction { kind: 0, ..good.clone() }),
            Some(v1::Transaction { kind: 9, ..good.clone() }),
            Some(v1::Transaction { status: 0, ..good.clone() }),
            Some(v1::Transaction { currency: "XAU".to_owned(), ..good }),
        ];
        for message in wrong {
            assert!(matches!(transaction(message), Err(ProviderError::Unknown(_))));
        }
    }

    #[test]
    fn one_that_makes_no_sense_does_not_hide_the_others() {
        let good = v1::Transaction {
            kind: v1::Kind::Capture.into(),
            amount_minor: 5,
            currency: "EUR".to_owned(),
            status: v1::Status::Settled.into(),
            ..Default::default()
        };
        let named = |key: &str| v1::Transaction { key: key.to_owned(), ..good.clone() };
        let gold = v1::Transaction { currency: "XAU".to_owned(), ..named("b") };
        let page = listed(ListTransactionsResponse {
            transactions: vec![named("a"), gold, named("c")],
            next_page_token: "next".to_owned(),
        });
        assert_eq!(page.keys().collect::<Vec<_>>(), ["a", "c", "b"]);
        let why = "an unknown currency".to_owned();
        assert_eq!(page.unreadable, [Unreadable { key: "b".to_owned(), why }]);
        assert_eq!(page.next.as_deref(), Some("next"));
    }
}
