//! What the payment service publishes. It consumes nothing.
//!
//! One step makes at most one event. It is kept with the step, so there is never one without the other.

use mesh_events::{Envelope, EventKind};
use proto::event::v1::{PaymentAuthorized, PaymentCanceled, PaymentCaptured, PaymentFailed, PaymentRefunded};
use serde_json::to_vec;
use service_kit::clock::timestamp;

use crate::domain::{Cancellation, DeclineCode, Event, Money, Payment, Step};

/// The provider holds the money.
pub const AUTHORIZED: &str = "payment.authorized";
/// The money was taken.
pub const CAPTURED: &str = "payment.captured";
/// The money was let go before any was taken.
pub const CANCELED: &str = "payment.canceled";
/// Money was given back.
pub const REFUNDED: &str = "payment.refunded";
/// The provider refused, or could not do, what it was asked for.
pub const FAILED: &str = "payment.failed";

/// The event that tells of `step`, if it is one to tell of: the beginning of an operation is not.
#[must_use]
pub fn of(step: &Step) -> Option<Envelope> {
    let payment = &step.payment;
    let amount = step.settled.as_ref().map_or(payment.amount, |settled| settled.amount);
    step.events.iter().find_map(|event| match event {
        Event::Authorized => Some(envelope(AUTHORIZED, payment, to_vec(&authorized(payment)))),
        Event::Captured => Some(envelope(CAPTURED, payment, to_vec(&captured(payment, amount)))),
        Event::Voided => Some(envelope(CANCELED, payment, to_vec(&canceled(payment)))),
        Event::RefundedInPart | Event::RefundedInFull => {
            Some(envelope(REFUNDED, payment, to_vec(&refunded(payment, amount))))
        }
        Event::Declined | Event::Failed => Some(failed(payment, "authorize", amount)),
        Event::CaptureDeclined => Some(failed(payment, "capture", amount)),
        Event::RefundDeclined | Event::FurtherRefundDeclined => Some(failed(payment, "refund", amount)),
        Event::Authorize
        | Event::Capture
        | Event::Void
        | Event::Expire
        | Event::Refund
        | Event::GiveUp
        | Event::ResumeAuthorize
        | Event::ResumeCapture
        | Event::ResumeVoid
        | Event::ResumeRefund => None,
    })
}

fn authorized(payment: &Payment) -> PaymentAuthorized {
    PaymentAuthorized {
        payment_id: payment.id.to_string(),
        user_id: payment.user.to_string(),
        amount_minor: payment.amount.minor(),
        currency: payment.amount.currency().to_string(),
        timestamp: Some(timestamp(payment.updated)),
    }
}

fn captured(payment: &Payment, amount: Money) -> PaymentCaptured {
    PaymentCaptured {
        payment_id: payment.id.to_string(),
        user_id: payment.user.to_string(),
        amount_minor: amount.minor(),
        authorized_minor: payment.amount.minor(),
        currency: amount.currency().to_string(),
        timestamp: Some(timestamp(payment.updated)),
    }
}

fn canceled(payment: &Payment) -> PaymentCanceled {
    let reason = match payment.cancellation {
        Some(Cancellation::Expired) => "expired",
        Some(Cancellation::Asked) | None => "requested",
    };
    PaymentCanceled {
        payment_id: payment.id.to_string(),
        user_id: payment.user.to_string(),
        amount_minor: payment.amount.minor(),
        currency: payment.amount.currency().to_string(),
        reason: reason.to_owned(),
        timestamp: Some(timestamp(payment.updated)),
    }
}

fn refunded(payment: &Payment, amount: Money) -> PaymentRefunded {
    PaymentRefunded {
        payment_id: payment.id.to_string(),
        user_id: payment.user.to_string(),
        amount_minor: amount.minor(),
        total_refunded_minor: of_one_payment(payment.balance.refunded),
        captured_minor: of_one_payment(payment.balance.captured),
        currency: amount.currency().to_string(),
        timestamp: Some(timestamp(payment.updated)),
    }
}

fn failed(payment: &Payment, operation: &str, amount: Money) -> Envelope {
    let body = PaymentFailed {
        payment_id: payment.id.to_string(),
        user_id: payment.user.to_string(),
        operation: operation.to_owned(),
        amount_minor: amount.minor(),
        currency: amount.currency().to_string(),
        decline_code: payment.decline.as_ref().map(DeclineCode::as_str).unwrap_or_default().to_owned(),
        timestamp: Some(timestamp(payment.updated)),
    };
    envelope(FAILED, payment, to_vec(&body))
}

/// What was moved for one payment is never above its amount, which has 64 bits.
pub(crate) fn of_one_payment(minor: i128) -> i64 {
    i64::try_from(minor).unwrap_or(i64::MAX)
}

fn envelope(kind: &'static str, payment: &Payment, body: Result<Vec<u8>, serde_json::Error>) -> Envelope {
    Envelope {
        id: payment.id.event_id(kind, payment.version),
        kind: EventKind::from_static(kind),
        subject: payment.id.0,
        version: payment.version,
        occur_time_ms: payment.updated.0,
        body: body.expect("strings and numbers are always JSON").into(),
        traceparent: mesh_rpc::trace::current().map(|trace| trace.to_string()),
    }
}
