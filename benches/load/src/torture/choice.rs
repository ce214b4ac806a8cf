//! What a client asks for next: drawn from its own numbers, and from what everybody knows.

use mesh_rig::history::{Call, Money, Payment};
use rand::{RngExt as _, rngs::StdRng};

use super::{
    mix::{self, Kind},
    pools::Pools,
};

/// The most that is asked for in one payment, in minor units.
const MOST: i64 = 100_000;

/// The next call. `unique` is in nobody else's call: it becomes the request id, and part of new names.
pub(super) fn choose(rng: &mut StdRng, pools: &Pools, unique: &str) -> Call {
    let kind = mix::kind(rng);
    // Nothing can be done about users or payments before there are any.
    about_payments(kind, rng, pools, unique)
        .or_else(|| about_users(kind, rng, pools, unique))
        .or_else(|| again(kind, rng, pools, unique))
        .unwrap_or_else(|| create_user(rng, pools, unique))
}

fn create_user(rng: &mut StdRng, pools: &Pools, unique: &str) -> Call {
    let known = if rng.random_ratio(1, 4) { pools.emails.draw(rng, |_| true) } else { None };
    let mut email = known.unwrap_or_else(|| format!("user-{unique}@example.org"));
    if rng.random_ratio(1, 4) {
        // The same address, written in another way.
        email = email.to_uppercase();
    }
    Call::CreateUser { request_id: unique.to_owned(), email, display_name: format!("User {unique}") }
}

fn about_users(kind: Kind, rng: &mut StdRng, pools: &Pools, unique: &str) -> Option<Call> {
    let request_id = unique.to_owned();
    let display_name = format!("Renamed {unique}");
    let mut user_id = || pools.users.draw(rng, |_| true);
    Some(match kind {
        Kind::UpdateUser => Call::UpdateUser { request_id, user_id: user_id()?, display_name },
        Kind::DeleteUser => Call::DeleteUser { request_id, user_id: user_id()? },
        Kind::GetUser => Call::GetUser { user_id: user_id()? },
        Kind::GetProfile => Call::GetProfile { user_id: user_id()? },
        Kind::UpdateProfile => Call::UpdateProfile { user_id: user_id()?, display_name },
        _ => return None,
    })
}

fn about_payments(kind: Kind, rng: &mut StdRng, pools: &Pools, unique: &str) -> Option<Call> {
    let request_id = unique.to_owned();
    let mut payment =
        |states: &[&str]| pools.payments.draw(rng, |payment| states.contains(&payment.state.as_str()));
    Some(match kind {
        Kind::CreatePayment => {
            let user_id = pools.users.draw(rng, |_| true)?;
            let amount = Money { minor: rng.random_range(1..=MOST), currency: mix::currency(rng).to_owned() };
            let payment_method = mix::method(rng).to_owned();
            Call::CreatePayment { request_id, user_id, amount, payment_method, capture: rng.random() }
        }
        Kind::CapturePayment => {
            let payment = payment(&["AUTHORIZED"])?;
            let amount = if rng.random_ratio(1, 2) { None } else { Some(some(rng, &payment, 1)) };
            Call::CapturePayment { request_id, payment_id: payment.payment_id, amount }
        }
        Kind::CancelPayment => {
            Call::CancelPayment { request_id, payment_id: payment(&["AUTHORIZED"])?.payment_id }
        }
        Kind::RefundPayment => {
            let payment = payment(&["CAPTURED", "PARTIALLY_REFUNDED"])?;
            let amount = if rng.random_ratio(1, 4) { None } else { Some(some(rng, &payment, 2)) };
            Call::RefundPayment { request_id, payment_id: payment.payment_id, amount }
        }
        Kind::GetPayment => Call::GetPayment { payment_id: payment(&[])?.payment_id },
        _ => return None,
    })
}

/// A `parts`th of the payment's amount at most; sometimes more than all of it, or in another currency.
fn some(rng: &mut StdRng, payment: &Payment, parts: i64) -> Money {
    let Money { minor, mut currency } = payment.amount.clone();
    let minor = if rng.random_ratio(1, 8) {
        minor + rng.random_range(1..=MOST)
    } else {
        rng.random_range(1..=(minor / parts).max(1))
    };
    if rng.random_ratio(1, 40) {
        mix::currency(rng).clone_into(&mut currency);
    }
    Money { minor, currency }
}

fn again(kind: Kind, rng: &mut StdRng, pools: &Pools, unique: &str) -> Option<Call> {
    match kind {
        Kind::Repeat => pools.asked.draw(rng, |_| true),
        Kind::Reuse => Some(with_other_content(pools.answered.draw(rng, |_| true)?, unique)),
        _ => None,
    }
}

/// A call under the same request id that asks for something else.
fn with_other_content(mut call: Call, unique: &str) -> Call {
    match &mut call {
        Call::CreateUser { display_name, .. } | Call::UpdateUser { display_name, .. } => {
            *display_name = format!("Other {unique}");
        }
        Call::DeleteUser { user_id, .. } => other_id(user_id),
        Call::CreatePayment { amount, .. } => amount.minor += 1,
        Call::CapturePayment { amount, payment_id, .. } | Call::RefundPayment { amount, payment_id, .. } => {
            match amount {
                Some(amount) => amount.minor += 1,
                None => other_id(payment_id),
            }
        }
        Call::CancelPayment { payment_id, .. } => other_id(payment_id),
        Call::GetUser { .. }
        | Call::GetProfile { .. }
        | Call::UpdateProfile { .. }
        | Call::GetPayment { .. } => {}
    }
    call
}

/// Another id: nobody's, but one that could be somebody's.
fn other_id(id: &mut String) {
    let last = if id.ends_with('0') { '1' } else { '0' };
    id.pop();
    id.push(last);
}

#[cfg(test)]
mod tests;
