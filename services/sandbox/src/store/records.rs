//! Rows, and how they become what the domain knows.

use iso_currency::Currency;
use prost::Message;
use service_kit::{clock::UnixMillis, record};

use crate::domain::{Account, Hold, Key, Kind, Method, Order, Outcome, Transaction};

#[derive(Clone, PartialEq, Message)]
struct TransactionRow {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(uint32, tag = "2")]
    kind: u32,
    #[prost(int64, tag = "3")]
    amount_minor: i64,
    #[prost(string, tag = "4")]
    currency: String,
    #[prost(string, tag = "5")]
    method: String,
    #[prost(uint32, tag = "6")]
    outcome: u32,
    #[prost(string, tag = "7")]
    decline: String,
    #[prost(uint64, tag = "8")]
    created: u64,
}

const PENDING: u32 = 1;
const SETTLED: u32 = 2;
const DECLINED: u32 = 3;

#[derive(Clone, PartialEq, Message)]
struct AccountRow {
    #[prost(bool, tag = "1")]
    is_busy: bool,
    #[prost(message, optional, tag = "2")]
    hold: Option<HoldRow>,
}

#[derive(Clone, PartialEq, Message)]
struct HoldRow {
    #[prost(string, tag = "1")]
    currency: String,
    #[prost(int64, tag = "2")]
    authorized: i64,
    #[prost(int64, tag = "3")]
    captured: i64,
    #[prost(bool, tag = "4")]
    is_voided: bool,
    #[prost(int64, tag = "5")]
    refunded: i64,
}

#[derive(Clone, PartialEq, Message)]
struct DeliveryRow {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(uint32, tag = "2")]
    attempts: u32,
}

pub(super) fn corrupted(what: &str) -> redb::Error {
    redb::Error::Corrupted(format!("row: {what}"))
}

fn currency(code: &str) -> Result<Currency, redb::Error> {
    Currency::from_code(code).ok_or_else(|| corrupted("unknown currency"))
}

pub(super) fn encode_transaction(transaction: &Transaction) -> Vec<u8> {
    let order = &transaction.order;
    let (outcome, decline) = match &transaction.outcome {
        Outcome::Pending => (PENDING, ""),
        Outcome::Settled => (SETTLED, ""),
        Outcome::Declined(code) => (DECLINED, code.as_str()),
    };
    record::encode(&TransactionRow {
        key: order.key.as_str().to_owned(),
        kind: match order.kind {
            Kind::Authorize => 1,
            Kind::Capture => 2,
            Kind::Void => 3,
            Kind::Refund => 4,
        },
        amount_minor: order.amount_minor,
        currency: order.currency.code().to_owned(),
        method: order.method.reveal().to_owned(),
        outcome,
        decline: decline.to_owned(),
        created: transaction.created.0,
    })
}

pub(super) fn decode_transaction(sequence: u64, row: &[u8]) -> Result<Transaction, redb::Error> {
    let row: TransactionRow = record::decode(row)?;
    let order = Order {
        key: Key::restore(row.key),
        kind: match row.kind {
            1 => Kind::Authorize,
            2 => Kind::Capture,
            3 => Kind::Void,
            4 => Kind::Refund,
            _ => return Err(corrupted("unknown kind")),
        },
        amount_minor: row.amount_minor,
        currency: currency(&row.currency)?,
        method: Method::restore(row.method),
    };
    let outcome = match row.outcome {
        PENDING => Outcome::Pending,
        SETTLED => Outcome::Settled,
        DECLINED => Outcome::Declined(row.decline),
        _ => return Err(corrupted("unknown outcome")),
    };
    Ok(Transaction { sequence, order, outcome, created: UnixMillis(row.created) })
}

pub(super) fn encode_account(account: &Account) -> Vec<u8> {
    let hold = account.hold.as_ref().map(|hold| HoldRow {
        currency: hold.currency.code().to_owned(),
        authorized: hold.authorized,
        captured: hold.captured,
        is_voided: hold.is_voided,
        refunded: hold.refunded,
    });
    record::encode(&AccountRow { is_busy: account.is_busy, hold })
}

pub(super) fn decode_account(row: &[u8]) -> Result<Account, redb::Error> {
    let row: AccountRow = record::decode(row)?;
    let hold = row.hold.map(|hold| {
        Ok::<_, redb::Error>(Hold {
            currency: currency(&hold.currency)?,
            authorized: hold.authorized,
            captured: hold.captured,
            is_voided: hold.is_voided,
            refunded: hold.refunded,
        })
    });
    Ok(Account { hold: hold.transpose()?, is_busy: row.is_busy })
}

pub(super) fn encode_delivery(key: &Key, attempts: u32) -> Vec<u8> {
    record::encode(&DeliveryRow { key: key.as_str().to_owned(), attempts })
}

pub(super) fn decode_delivery(row: &[u8]) -> Result<(Key, u32), redb::Error> {
    let row: DeliveryRow = record::decode(row)?;
    Ok((Key::restore(row.key), row.attempts))
}
