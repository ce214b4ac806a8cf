//! Which operations there are, and how often each.

use rand::{RngExt as _, rngs::StdRng};

/// What a client does next. Most are named as in the contracts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    CreateUser,
    UpdateUser,
    DeleteUser,
    GetUser,
    GetProfile,
    UpdateProfile,
    CreatePayment,
    CapturePayment,
    CancelPayment,
    RefundPayment,
    GetPayment,
    /// An earlier call once more, by whomever, word for word; it may still be under way.
    Repeat,
    /// Other content under the request id of an earlier call that succeeded.
    Reuse,
}

/// How often each.
const KINDS: [(Kind, u32); 13] = [
    (Kind::CreateUser, 12),
    (Kind::UpdateUser, 5),
    (Kind::DeleteUser, 1),
    (Kind::GetUser, 10),
    (Kind::GetProfile, 8),
    (Kind::UpdateProfile, 5),
    (Kind::CreatePayment, 18),
    (Kind::CapturePayment, 9),
    (Kind::CancelPayment, 4),
    (Kind::RefundPayment, 12),
    (Kind::GetPayment, 10),
    (Kind::Repeat, 4),
    (Kind::Reuse, 2),
];

/// What is paid with, as the sandbox provider understands it. The slow ones hold a client up for seconds.
const METHODS: [(&str, u32); 8] = [
    ("tok_ok", 700),
    ("tok_decline", 60),
    ("tok_decline_capture", 40),
    ("tok_decline_refund", 40),
    ("tok_5xx_once", 80),
    ("tok_dup_webhook", 60),
    ("tok_timeout_after_commit", 10),
    ("tok_slow", 10),
];

/// What is paid in.
const CURRENCIES: [(&str, u32); 3] = [("EUR", 5), ("USD", 3), ("JPY", 2)];

pub(super) fn kind(rng: &mut StdRng) -> Kind {
    weighted(rng, &KINDS)
}

pub(super) fn method(rng: &mut StdRng) -> &'static str {
    weighted(rng, &METHODS)
}

pub(super) fn currency(rng: &mut StdRng) -> &'static str {
    weighted(rng, &CURRENCIES)
}

/// All currencies that are paid in.
pub(super) fn currencies() -> impl Iterator<Item = &'static str> {
    CURRENCIES.into_iter().map(|(currency, _)| currency)
}

/// One of the table, each as often as its weight says.
fn weighted<T: Copy>(rng: &mut StdRng, table: &[(T, u32)]) -> T {
    let total: u32 = table.iter().map(|(_, weight)| weight).sum();
    let mut left = rng.random_range(0..total);
    for (item, weight) in table {
        match left.checked_sub(*weight) {
            Some(rest) => left = rest,
            None => return *item,
        }
    }
    unreachable!("what is left is less than the sum of all weights")
}
