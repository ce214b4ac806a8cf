//! What an event of a payment becomes on paper.

use mesh_events::{Envelope, HandleError};
use prost_types::Timestamp;
use proto::event::v1::{PaymentCanceled, PaymentCaptured, PaymentFailed, PaymentRefunded};

use super::{
    body, reasons,
    subscriptions::{CANCELED, CAPTURED, FAILED, REFUNDED},
};
use crate::{
    domain::{Currency, Money, Receipt},
    templates::{PAYMENT_CANCELED, PAYMENT_CAPTURED, PAYMENT_FAILED, PAYMENT_REFUNDED},
};

/// The operation whose failure is the payment's.
const AUTHORIZE: &str = "authorize";

/// The receipt for `event`; `None` if nobody is to be told of it.
///
/// # Errors
/// [`HandleError::Permanent`] when the event cannot be read, or says what cannot be.
pub(super) fn of(event: &Envelope) -> Result<Option<Receipt>, HandleError> {
    match event.kind.as_str() {
        CAPTURED => captured(&body::read(event)?).map(Some),
        REFUNDED => refunded(&body::read(event)?).map(Some),
        CANCELED => canceled(&body::read(event)?).map(Some),
        FAILED => failed(&body::read(event)?),
        other => Err(HandleError::permanent(format!("{other} was not subscribed to"))),
    }
}

fn captured(event: &PaymentCaptured) -> Result<Receipt, HandleError> {
    let currency = currency(&event.currency)?;
    let released = match event.authorized_minor.checked_sub(event.amount_minor) {
        Some(0) => String::new(),
        Some(rest) if rest > 0 => Money::new(rest, currency).to_string(),
        _ => return Err(HandleError::permanent("more was captured than authorized")),
    };
    let receipt = begin(PAYMENT_CAPTURED, &event.user_id, &event.payment_id, event.timestamp.as_ref())?;
    Ok(receipt
        .with("amount", Money::new(event.amount_minor, currency))
        .with("authorized", Money::new(event.authorized_minor, currency))
        .with("released", released))
}

fn refunded(event: &PaymentRefunded) -> Result<Receipt, HandleError> {
    let currency = currency(&event.currency)?;
    let receipt = begin(PAYMENT_REFUNDED, &event.user_id, &event.payment_id, event.timestamp.as_ref())?;
    Ok(receipt
        .with("amount", Money::new(event.amount_minor, currency))
        .with("total_refunded", Money::new(event.total_refunded_minor, currency))
        .with("captured", Money::new(event.captured_minor, currency)))
}

fn canceled(event: &PaymentCanceled) -> Result<Receipt, HandleError> {
    let currency = currency(&event.currency)?;
    let receipt = begin(PAYMENT_CANCELED, &event.user_id, &event.payment_id, event.timestamp.as_ref())?;
    Ok(receipt
        .with("amount", Money::new(event.amount_minor, currency))
        .with("reason", reasons::of_cancellation(&event.reason)))
}

fn failed(event: &PaymentFailed) -> Result<Option<Receipt>, HandleError> {
    // After a refused capture or refund the payment is as it was: no money has moved, the merchant may ask again,
    // and whatever comes of that has its own receipt. A mail would only worry somebody who cannot do anything.
    if event.operation != AUTHORIZE {
        return Ok(None);
    }
    let currency = currency(&event.currency)?;
    let receipt = begin(PAYMENT_FAILED, &event.user_id, &event.payment_id, event.timestamp.as_ref())?;
    let receipt = receipt
        .with("amount", Money::new(event.amount_minor, currency))
        .with("reason", reasons::of_decline(&event.decline_code));
    Ok(Some(receipt))
}

fn begin(
    template: &'static str,
    user: &str,
    payment: &str,
    at: Option<&Timestamp>,
) -> Result<Receipt, HandleError> {
    let (user, payment) = (body::id("user_id", user)?, body::id("payment_id", payment)?);
    let at = at.ok_or_else(|| HandleError::permanent("there is no timestamp"))?;
    Ok(Receipt::new(template, user).with("payment_id", payment).with("date", date(at)))
}

fn currency(code: &str) -> Result<Currency, HandleError> {
    Currency::parse("currency", code)
        .map_err(|violation| HandleError::permanent(format!("the currency {}", violation.description)))
}

/// To the minute, such as `2023-11-14 22:13 UTC`.
fn date(at: &Timestamp) -> String {
    let written = at.to_string();
    // The mapping to JSON is RFC 3339 in UTC, `2023-11-14T22:13:20Z`: a date, a T, and a time.
    match written.split_once('T').and_then(|(date, time)| Some((date, time.get(..5)?))) {
        Some((date, minute)) => format!("{date} {minute} UTC"),
        None => written,
    }
}
