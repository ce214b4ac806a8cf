//! Messages of the contracts as the lines of a history write them.

use mesh_rig::history::{Balance, Entry, Money, Notification, Payment, Transaction, User};
use proto::{
    notification::v1 as notification, payment::v1 as payment, provider::v1 as provider, user::v1 as user,
};

pub(super) fn user(user: user::User) -> User {
    let version = version(&user.etag);
    User { user_id: user.user_id, email: user.email, display_name: user.display_name, version }
}

pub(super) fn profile(profile: user::Profile) -> User {
    let version = version(&profile.etag);
    User { user_id: profile.user_id, email: String::new(), display_name: profile.display_name, version }
}

/// A profile as the store keeps it. Whose it is says where it was found, not what is written in it.
pub(super) fn kept(user_id: &str, profile: ::user::domain::Profile) -> User {
    let (display_name, version) = (profile.display_name.as_str().to_owned(), profile.version);
    User { user_id: user_id.to_owned(), email: String::new(), display_name, version }
}

/// An etag is a version in quotes. To callers it is opaque; a test may look inside.
fn version(etag: &str) -> u64 {
    etag.trim_matches('"').parse().unwrap_or_default()
}

pub(super) fn money(money: Option<payment::Money>) -> Money {
    let payment::Money { amount_minor, currency } = money.unwrap_or_default();
    Money { minor: amount_minor, currency }
}

pub(super) fn asked(money: &Money) -> payment::Money {
    payment::Money { amount_minor: money.minor, currency: money.currency.clone() }
}

pub(super) fn payment(payment: payment::Payment) -> Payment {
    let state = short(payment.state().as_str_name(), "STATE_");
    Payment {
        payment_id: payment.payment_id,
        user_id: payment.user_id,
        amount: money(payment.amount),
        captured_minor: payment.captured.unwrap_or_default().amount_minor,
        refunded_minor: payment.refunded.unwrap_or_default().amount_minor,
        state,
        version: u64::try_from(payment.version).unwrap_or_default(),
    }
}

pub(super) fn entry(user_id: &str, entry: payment::LedgerEntry) -> Entry {
    let phase = short(entry.phase().as_str_name(), "PHASE_");
    let debit = short(entry.debit_account().as_str_name(), "ACCOUNT_");
    let credit = short(entry.credit_account().as_str_name(), "ACCOUNT_");
    Entry {
        user_id: user_id.to_owned(),
        sequence: u64::try_from(entry.sequence).unwrap_or_default(),
        transfer_id: entry.transfer_id,
        payment_id: entry.payment_id,
        operation: entry.operation,
        phase,
        debit,
        credit,
        amount: money(entry.amount),
    }
}

pub(super) fn balance(balance: payment::Balance) -> Balance {
    Balance {
        user_id: balance.user_id,
        currency: balance.currency,
        held_minor: balance.held_minor,
        captured_minor: balance.captured_minor,
        refunding_minor: balance.refunding_minor,
        refunded_minor: balance.refunded_minor,
        available_minor: balance.available_minor,
    }
}

pub(super) fn transaction(transaction: provider::Transaction) -> Transaction {
    let kind = short(transaction.kind().as_str_name(), "KIND_");
    let status = short(transaction.status().as_str_name(), "STATUS_");
    let amount = Money { minor: transaction.amount_minor, currency: transaction.currency };
    Transaction { key: transaction.key, kind, amount, status }
}

pub(super) fn notification(notification: notification::Notification) -> Notification {
    let state = short(notification.state().as_str_name(), "STATE_");
    let notification::Notification { user_id, template, message_id, .. } = notification;
    // Which payment a receipt is about the contract does not tell.
    Notification { user_id, template, payment_id: None, message_id, state }
}

/// The name of a value of an enum, without what all its names begin with.
fn short(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_owned()
}
