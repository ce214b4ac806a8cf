//! The events of payments, as the payment service tells them.

use mesh_events::{Envelope, EventKind};
use proto::event::v1::{PaymentCanceled, PaymentCaptured, PaymentFailed, PaymentRefunded};
use serde::Serialize;
use uuid::Uuid;

/// The payment that they are about.
pub(super) const PAYMENT: &str = "00000000-0000-7000-8000-0000000000aa";

/// When it happened: 2023-11-14 22:13:20 UTC.
const AT: Option<prost_types::Timestamp> = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 });

/// An event under the `n`th id.
pub(super) fn event(n: u128, kind: &'static str, body: impl Into<Vec<u8>>) -> Envelope {
    Envelope {
        id: Uuid::from_u128(n),
        kind: EventKind::from_static(kind),
        subject: PAYMENT.parse().unwrap(),
        version: 1,
        occur_time_ms: 1_700_000_000_000,
        body: body.into().into(),
        traceparent: None,
    }
}

fn told(n: u128, kind: &'static str, body: &impl Serialize) -> Envelope {
    event(n, kind, serde_json::to_vec(body).unwrap())
}

/// EUR 10.50 of EUR 20.00 were taken.
pub(in crate::api) fn capture_in_part(user_id: &str) -> PaymentCaptured {
    PaymentCaptured {
        payment_id: PAYMENT.to_owned(),
        user_id: user_id.to_owned(),
        amount_minor: 1_050,
        authorized_minor: 2_000,
        currency: "EUR".to_owned(),
        timestamp: AT,
    }
}

pub(in crate::api) fn captured(n: u128, body: &PaymentCaptured) -> Envelope {
    told(n, "payment.captured", body)
}

/// JPY 1050 were given back, 1200 so far, of 5000.
pub(in crate::api) fn refunded(n: u128, user_id: &str) -> Envelope {
    let body = PaymentRefunded {
        payment_id: PAYMENT.to_owned(),
        user_id: user_id.to_owned(),
        amount_minor: 1_050,
        total_refunded_minor: 1_200,
        captured_minor: 5_000,
        currency: "JPY".to_owned(),
        timestamp: AT,
    };
    told(n, "payment.refunded", &body)
}

/// BHD 1.050 were let go.
pub(super) fn canceled(n: u128, user_id: &str, reason: &str) -> Envelope {
    let body = PaymentCanceled {
        payment_id: PAYMENT.to_owned(),
        user_id: user_id.to_owned(),
        amount_minor: 1_050,
        currency: "BHD".to_owned(),
        reason: reason.to_owned(),
        timestamp: AT,
    };
    told(n, "payment.canceled", &body)
}

/// EUR 10.50 were refused.
pub(super) fn failed(n: u128, user_id: &str, operation: &str, decline_code: &str) -> Envelope {
    let body = PaymentFailed {
        payment_id: PAYMENT.to_owned(),
        user_id: user_id.to_owned(),
        operation: operation.to_owned(),
        amount_minor: 1_050,
        currency: "EUR".to_owned(),
        decline_code: decline_code.to_owned(),
        timestamp: AT,
    };
    told(n, "payment.failed", &body)
}
