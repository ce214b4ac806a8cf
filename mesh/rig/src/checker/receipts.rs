//! Which receipts are due.

use crate::history::{Entry, Payment};

/// The templates of receipts.
pub const RECEIPTS: [&str; 4] =
    ["payment_captured", "payment_refunded", "payment_canceled", "payment_failed"];

/// The receipts that a payment causes, by template, in the order of [`RECEIPTS`]: one if something was taken, one
/// for each of the `refunds` that were given back (the entries of it for which [`is_refund`]), one if it was let
/// go, and one if it was refused at the beginning. So it is at any time: more of them become due as it goes on.
#[must_use]
pub fn due_receipts(payment: &Payment, refunds: u64) -> [(&'static str, u64); 4] {
    let state = payment.state.as_str();
    let due = [
        u64::from(payment.captured_minor > 0),
        refunds,
        u64::from(state == "VOIDED"),
        u64::from(matches!(state, "DECLINED" | "FAILED")),
    ];
    std::array::from_fn(|place| (RECEIPTS[place], due[place]))
}

/// Whether the entry says that money was given back.
#[must_use]
pub fn is_refund(entry: &Entry) -> bool {
    entry.phase == "POSTED" && entry.debit == "MERCHANT"
}
