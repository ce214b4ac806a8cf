//! What a caller of this service may be told.

use std::time::Duration;

use service_kit::{
    error::{GrpcError, Violation, status},
    whole::CutOff,
};
use thiserror::Error;
use tonic::{Code, Status};

use crate::{
    clients::NoAnswer,
    domain::{
        BookId, Broken, Currency, Money, MoneyError, Payment, PaymentId, Refusal, Refused, State, UserId,
    },
    provider::ProviderError,
    store::StoreError,
};

/// The domain of this service's reasons.
const DOMAIN: &str = "payment.v1";

/// When a repeat may succeed after something was unavailable.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// The same after events were behind: some operator is at it by then.
const RETRY_AFTER_LAG: Duration = Duration::from_secs(10);

/// Why a request was not done.
#[derive(Debug, Error)]
pub enum Error {
    /// The request breaks rules: all of them at once.
    #[error("the request is invalid: {}", service_kit::error::summary(.0))]
    Invalid(Vec<Violation>),
    /// No payment has this id.
    #[error("payment {0} does not exist")]
    PaymentNotFound(PaymentId),
    /// Who shall pay is no user, or none any more.
    #[error("user {0} does not exist")]
    UserNotFound(UserId),
    /// It cannot happen in the payment's state.
    #[error("payment {payment} is {state}: {refusal}")]
    Refused {
        /// Which.
        payment: PaymentId,
        /// How far it has come.
        state: State,
        /// Why not.
        refusal: Refusal,
    },
    /// More would be taken than was authorized.
    #[error("{asked} is above what was authorized, {authorized}")]
    AboveAuthorized {
        /// How much was asked for.
        asked: Money,
        /// How much can be taken.
        authorized: Money,
    },
    /// More would be given back than was taken and not given back yet.
    #[error("{asked} is above what was captured and not refunded, {available}")]
    AboveCaptured {
        /// How much was asked for.
        asked: Money,
        /// How much can be given back.
        available: Money,
    },
    /// The amount is of another currency than the payment.
    #[error("payment {payment} is in {currency}")]
    OtherCurrency {
        /// Which.
        payment: PaymentId,
        /// Its currency.
        currency: Currency,
    },
    /// The authorization has expired.
    #[error("the authorization of payment {0} has expired")]
    Expired(PaymentId),
    /// The payment has had as many operations as it may have.
    #[error("payment {0} has had too many operations")]
    TooManyOperations(PaymentId),
    /// The request_id was used for other content.
    #[error("this request_id was used for another request")]
    RequestReused,
    /// A sum has no room in 64 bits.
    #[error("the balance of user {} in {} has no room in 64 bits", .0.user, .0.currency)]
    BalanceTooLarge(BookId),
    /// Others changed the book all the time, or wait for it, and nothing of the request was begun.
    #[error("too many others pay from this book now; repeat the request with the same request_id")]
    BookContended,
    /// The user service cannot say who is a user.
    #[error("the user service is unavailable; repeat the request with the same request_id")]
    UserServiceUnavailable(#[from] NoAnswer),
    /// The payment does not need reconciliation.
    #[error("payment {payment} is {state} and needs no reconciliation")]
    NothingToResume {
        /// Which.
        payment: PaymentId,
        /// How far it has come.
        state: State,
    },
    /// A reconciliation is under way.
    #[error("a reconciliation is running; its report comes when it is over")]
    ReconciliationRunning,
    /// There was no reconciliation since the service started.
    #[error("no reconciliation has ended since the service started")]
    ReportNotFound,
    /// The provider does not show its books.
    #[error("the provider is unavailable")]
    ProviderUnavailable(#[from] ProviderError),
    /// Events of earlier changes could not be published for too long, so that no more are made.
    #[error(
        "events of earlier changes wait too long for the broker; repeat the request later with the same request_id"
    )]
    EventsBehind(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store cannot say.
    #[error("the store is unavailable; repeat the request with the same request_id")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The step that this service made breaks a rule of the books, and was not kept.
    #[error("the request was not done, since it would have made the books wrong")]
    Broken(#[source] Broken),
}

impl Error {
    /// Why `payment` did not take a step about the amount `asked`.
    #[must_use]
    pub fn refused(refused: Refused, payment: &Payment, asked: Option<Money>) -> Self {
        let id = payment.id;
        let asked = asked.unwrap_or(payment.amount);
        let state = |refusal| Self::Refused { payment: id, state: payment.state, refusal };
        match refused {
            Refused::State(refusal) => state(refusal),
            Refused::Money(MoneyError::Mixed { .. }) => {
                Self::OtherCurrency { payment: id, currency: payment.amount.currency() }
            }
            Refused::Money(MoneyError::Overflow) => Self::BalanceTooLarge(payment.book()),
            Refused::NotPositive => Money::not_positive("amount").into(),
            Refused::AboveAuthorized => Self::AboveAuthorized { asked, authorized: payment.amount },
            Refused::AboveCaptured => {
                let available = crate::events::of_one_payment(payment.balance.available());
                let available = Money::new(available, payment.amount.currency());
                Self::AboveCaptured { asked, available }
            }
            Refused::Expired => Self::Expired(id),
            // Neither can come of a request; the driver asks for them.
            Refused::NotExpired | Refused::NotOpen => state(Refusal::NotUnderWay),
            Refused::TooManyOperations => Self::TooManyOperations(id),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale => Self::BookContended,
            StoreError::RequestReused => Self::RequestReused,
            StoreError::Broken(broken) => Self::Broken(broken),
            StoreError::EventsBehind(source) => Self::EventsBehind(source),
            StoreError::Unavailable(source) => Self::Unavailable(source),
        }
    }
}

impl From<CutOff> for Error {
    fn from(cut: CutOff) -> Self {
        Self::Unavailable(cut.into())
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Invalid(vec![violation])
    }
}

impl GrpcError for Error {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) | Self::RequestReused | Self::OtherCurrency { .. } => Code::InvalidArgument,
            Self::PaymentNotFound(_) | Self::ReportNotFound => Code::NotFound,
            Self::UserNotFound(_)
            | Self::Refused { .. }
            | Self::AboveAuthorized { .. }
            | Self::AboveCaptured { .. }
            | Self::Expired(_)
            | Self::TooManyOperations(_)
            | Self::NothingToResume { .. } => Code::FailedPrecondition,
            Self::BalanceTooLarge(_) => Code::OutOfRange,
            Self::ReconciliationRunning => Code::Aborted,
            Self::BookContended
            | Self::UserServiceUnavailable(_)
            | Self::ProviderUnavailable(_)
            | Self::EventsBehind(_)
            | Self::Unavailable(_) => Code::Unavailable,
            Self::Broken(_) => Code::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(violations) => service_kit::error::common_reason(violations),
            Self::PaymentNotFound(_) => "PAYMENT_NOT_FOUND",
            Self::UserNotFound(_) => "USER_NOT_FOUND",
            Self::Refused { refusal, .. } => match refusal {
                Refusal::Final => "PAYMENT_FINAL",
                Refusal::Busy => "OPERATION_UNDER_WAY",
                Refusal::NeedsReconciliation => "NEEDS_RECONCILIATION",
                Refusal::NotAuthorized => "NOT_AUTHORIZED",
                Refusal::AlreadyAuthorized => "ALREADY_AUTHORIZED",
                Refusal::NotCaptured => "NOT_CAPTURED",
                Refusal::AlreadyCaptured => "ALREADY_CAPTURED",
                Refusal::NotUnderWay => "NOT_UNDER_WAY",
            },
            Self::AboveAuthorized { .. } => "AMOUNT_ABOVE_AUTHORIZED",
            Self::AboveCaptured { .. } => "AMOUNT_ABOVE_CAPTURED",
            Self::OtherCurrency { .. } => "CURRENCY_MISMATCH",
            Self::Expired(_) => "AUTHORIZATION_EXPIRED",
            Self::TooManyOperations(_) => "TOO_MANY_OPERATIONS",
            Self::RequestReused => "REQUEST_ID_REUSED",
            Self::BalanceTooLarge(_) => "BALANCE_TOO_LARGE",
            Self::BookContended => "BOOK_CONTENDED",
            Self::UserServiceUnavailable(_) => "USER_SERVICE_UNAVAILABLE",
            Self::NothingToResume { .. } => "NOTHING_TO_RESUME",
            Self::ReconciliationRunning => "RECONCILIATION_RUNNING",
            Self::ReportNotFound => "REPORT_NOT_FOUND",
            Self::ProviderUnavailable(_) => "PROVIDER_UNAVAILABLE",
            Self::EventsBehind(_) => "EVENTS_BEHIND",
            Self::Unavailable(_) => "STORE_UNAVAILABLE",
            Self::Broken(_) => "BOOKS_BROKEN",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::PaymentNotFound(payment) | Self::Expired(payment) | Self::TooManyOperations(payment) => {
                vec![("payment_id", payment.to_string())]
            }
            Self::UserNotFound(user) => vec![("user_id", user.to_string())],
            Self::Refused { payment, state, .. } | Self::NothingToResume { payment, state } => {
                vec![("payment_id", payment.to_string()), ("state", state.to_string())]
            }
            Self::AboveAuthorized { asked, authorized: limit } => amounts(*asked, "authorized_minor", *limit),
            Self::AboveCaptured { asked, available: limit } => amounts(*asked, "available_minor", *limit),
            Self::OtherCurrency { payment, currency } => {
                vec![("payment_id", payment.to_string()), ("currency", currency.to_string())]
            }
            Self::BalanceTooLarge(book) => {
                vec![("user_id", book.user.to_string()), ("currency", book.currency.to_string())]
            }
            _ => Vec::new(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(violations) => violations,
            _ => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::EventsBehind(_) => Some(RETRY_AFTER_LAG),
            _ => (self.code() == Code::Unavailable).then_some(RETRY_AFTER),
        }
    }
}

fn amounts(asked: Money, limit_name: &'static str, limit: Money) -> Vec<(&'static str, String)> {
    vec![
        ("asked_minor", asked.minor().to_string()),
        (limit_name, limit.minor().to_string()),
        ("currency", limit.currency().to_string()),
    ]
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match &error {
            Error::Unavailable(_) | Error::Broken(_) => {
                tracing::error!(error = %mesh_telemetry::chain(&error), "a request could not be served");
            }
            Error::UserServiceUnavailable(_)
            | Error::ProviderUnavailable(_)
            | Error::BookContended
            | Error::EventsBehind(_) => {
                tracing::warn!(error = %mesh_telemetry::chain(&error), "a request could not be served now");
            }
            _ => {}
        }
        status(&error, DOMAIN)
    }
}
