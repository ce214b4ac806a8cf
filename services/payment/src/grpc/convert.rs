//! Messages of domain values, and readers of what callers send.

use proto::payment::v1;
use service_kit::{
    clock::timestamp,
    error::{Violation, Violations},
    requests::Request,
};

use crate::{
    domain::{
        Account, BookId, Cancellation, Currency, DeclineCode, Money, Payment, PaymentId, Phase, State, UserId,
    },
    error::Error,
    events::of_one_payment,
    store::{Book, Entry},
};

/// The request under the caller's id, which must be given: money is not moved twice by accident.
pub(super) fn request(
    method: &str,
    request_id: &str,
    message: &impl prost::Message,
) -> Result<Request, Violation> {
    let missing = || Violation::new("request_id", "REQUEST_ID_REQUIRED", "must be given");
    Request::of_message(method, request_id, message)?.ok_or_else(missing)
}

/// An amount above zero, and all that is wrong with it.
pub(super) fn amount(field: &str, money: &v1::Money) -> Result<Money, Vec<Violation>> {
    let mut violations = Violations::default();
    let currency = violations.keep(Currency::parse(&format!("{field}.currency"), &money.currency));
    let minor = violations.keep(Money::positive(&format!("{field}.amount_minor"), money.amount_minor));
    violations.finish(|| Some(Money::new(minor?, currency?)))
}

/// An amount that may be left out.
pub(super) fn some_amount(field: &str, money: Option<&v1::Money>) -> Result<Option<Money>, Vec<Violation>> {
    money.map(|money| amount(field, money)).transpose()
}

/// A user's book in one currency, and all that is wrong with its name.
pub(super) fn book(violations: &mut Violations, user_id: &str, currency: &str) -> Option<BookId> {
    let user = violations.keep(UserId::parse("user_id", user_id));
    let currency = violations.keep(Currency::parse("currency", currency));
    Some(BookId { user: user?, currency: currency? })
}

/// A payment's id by itself.
pub(super) fn payment_id(text: &str) -> Result<PaymentId, Error> {
    PaymentId::parse("payment_id", text).map_err(Error::from)
}

pub(super) fn payment(payment: &Payment) -> v1::Payment {
    let currency = payment.amount.currency();
    let of_it = |minor| money(Money::new(of_one_payment(minor), currency));
    v1::Payment {
        payment_id: payment.id.to_string(),
        user_id: payment.user.to_string(),
        amount: Some(money(payment.amount)),
        captured: Some(of_it(payment.balance.captured)),
        refunded: Some(of_it(payment.balance.refunded)),
        state: state(payment.state).into(),
        decline_code: payment.decline.as_ref().map(DeclineCode::as_str).unwrap_or_default().to_owned(),
        cancellation: cancellation(payment.cancellation).into(),
        capture_immediately: payment.is_immediate,
        expire_time: Some(timestamp(payment.expires)),
        create_time: Some(timestamp(payment.created)),
        update_time: Some(timestamp(payment.updated)),
        version: version(payment.version),
    }
}

pub(super) fn entry(entry: &Entry) -> v1::LedgerEntry {
    let transfer = &entry.transfer;
    v1::LedgerEntry {
        sequence: version(entry.version),
        transfer_id: transfer.id().0.to_string(),
        payment_id: transfer.operation().payment.to_string(),
        operation: transfer.operation().to_string(),
        phase: phase(transfer.phase()).into(),
        debit_account: account(transfer.debit()).into(),
        credit_account: account(transfer.credit()).into(),
        amount: Some(money(transfer.amount())),
        create_time: Some(timestamp(transfer.time())),
    }
}

/// The balance of a book; an error when a sum of it has no room in the contract's 64 bits.
pub(super) fn balance(book: &Book) -> Result<v1::Balance, Error> {
    let narrow = |sum: i128| i64::try_from(sum).map_err(|_| Error::BalanceTooLarge(book.id));
    let sums = &book.balance;
    Ok(v1::Balance {
        user_id: book.id.user.to_string(),
        currency: book.id.currency.to_string(),
        held_minor: narrow(sums.held)?,
        captured_minor: narrow(sums.captured)?,
        refunding_minor: narrow(sums.refunding)?,
        refunded_minor: narrow(sums.refunded)?,
        available_minor: narrow(sums.available())?,
        version: version(book.version),
    })
}

fn money(money: Money) -> v1::Money {
    v1::Money { amount_minor: money.minor(), currency: money.currency().to_string() }
}

/// A count of changes; nothing changes 2^63 times.
fn version(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

fn state(state: State) -> v1::State {
    match state {
        // Never kept: the step that creates a payment goes on to ask for the authorization.
        State::Created | State::Authorizing => v1::State::Authorizing,
        State::Authorized => v1::State::Authorized,
        State::Capturing => v1::State::Capturing,
        State::Captured => v1::State::Captured,
        State::Refunding => v1::State::Refunding,
        State::PartiallyRefunded => v1::State::PartiallyRefunded,
        State::Refunded => v1::State::Refunded,
        State::Voiding => v1::State::Voiding,
        State::Voided => v1::State::Voided,
        State::Declined => v1::State::Declined,
        State::Failed => v1::State::Failed,
        State::NeedsReconciliation => v1::State::NeedsReconciliation,
    }
}

fn cancellation(cancellation: Option<Cancellation>) -> v1::Cancellation {
    match cancellation {
        None => v1::Cancellation::Unspecified,
        Some(Cancellation::Asked) => v1::Cancellation::Requested,
        Some(Cancellation::Expired) => v1::Cancellation::Expired,
    }
}

fn phase(phase: Phase) -> v1::Phase {
    match phase {
        Phase::Pending => v1::Phase::Pending,
        Phase::Post(_) => v1::Phase::Posted,
        Phase::Void(_) => v1::Phase::Voided,
    }
}

fn account(account: Account) -> v1::Account {
    match account {
        Account::Customer => v1::Account::Customer,
        Account::Merchant => v1::Account::Merchant,
    }
}
