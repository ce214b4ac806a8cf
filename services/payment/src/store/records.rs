//! Rows, and how they become what the domain knows. Money is a row's own amount and its currency's code, so
//! that a row can be understood without any other.

mod error;
mod operation;
mod payment;
mod transfer;

pub(super) use error::RecordError;
use error::{corrupted, decode};
pub(super) use operation::{decode_key, decode_operation, encode_key, encode_operation};
pub(super) use payment::{decode_payment, encode_payment};
use prost::Message;
use service_kit::record;
pub(super) use transfer::{decode_transfer, encode_transfer};
use uuid::Uuid;

use crate::{
    domain::{Balance, BookId, Currency, Money, PaymentId, ProviderKey},
    store::Book,
};

#[derive(Clone, PartialEq, Message)]
struct MoneyRow {
    #[prost(sint64, tag = "1")]
    minor: i64,
    #[prost(string, tag = "2")]
    currency: String,
}

/// Sums are 16 bytes each, the highest first: protobuf has no number of 128 bits.
#[derive(Clone, PartialEq, Message)]
struct BalanceRow {
    #[prost(bytes = "vec", tag = "1")]
    held: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    captured: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    refunding: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    refunded: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyRow {
    #[prost(bytes = "vec", tag = "1")]
    payment: Vec<u8>,
    #[prost(uint32, tag = "2")]
    seq: u32,
}

#[derive(Clone, PartialEq, Message)]
struct BookRow {
    #[prost(uint64, tag = "1")]
    version: u64,
    #[prost(message, optional, tag = "2")]
    balance: Option<BalanceRow>,
}

fn uuid(bytes: &[u8]) -> Result<Uuid, RecordError> {
    Uuid::from_slice(bytes).map_err(|error| corrupted(&error.to_string()))
}

fn money_row(money: Money) -> MoneyRow {
    MoneyRow { minor: money.minor(), currency: money.currency().code().to_owned() }
}

fn money(row: Option<MoneyRow>) -> Result<Money, RecordError> {
    let row = row.ok_or_else(|| corrupted("no amount"))?;
    let currency = Currency::restore(&row.currency).ok_or_else(|| corrupted("unknown currency"))?;
    Ok(Money::new(row.minor, currency))
}

fn balance_row(balance: &Balance) -> BalanceRow {
    let bytes = |sum: i128| sum.to_be_bytes().to_vec();
    BalanceRow {
        held: bytes(balance.held),
        captured: bytes(balance.captured),
        refunding: bytes(balance.refunding),
        refunded: bytes(balance.refunded),
    }
}

fn balance(row: Option<BalanceRow>) -> Result<Balance, RecordError> {
    let row = row.ok_or_else(|| corrupted("no balance"))?;
    let sum = |bytes: Vec<u8>| {
        bytes.try_into().map(i128::from_be_bytes).map_err(|_| corrupted("a sum is not of 16 bytes"))
    };
    Ok(Balance {
        held: sum(row.held)?,
        captured: sum(row.captured)?,
        refunding: sum(row.refunding)?,
        refunded: sum(row.refunded)?,
    })
}

fn key_row(key: ProviderKey) -> KeyRow {
    KeyRow { payment: key.payment.0.as_bytes().to_vec(), seq: key.seq }
}

fn key(row: Option<KeyRow>) -> Result<ProviderKey, RecordError> {
    let row = row.ok_or_else(|| corrupted("no operation"))?;
    Ok(ProviderKey { payment: PaymentId(uuid(&row.payment)?), seq: row.seq })
}

pub(super) fn encode_book(version: u64, balance: &Balance) -> Vec<u8> {
    record::encode(&BookRow { version, balance: Some(balance_row(balance)) })
}

/// The book of a row, or the empty one if there is no row.
pub(super) fn decode_book(id: BookId, row: Option<&[u8]>) -> Result<Book, RecordError> {
    let Some(row) = row else { return Ok(Book { id, version: 0, balance: Balance::default() }) };
    let row: BookRow = decode(row)?;
    Ok(Book { id, version: row.version, balance: balance(row.balance)? })
}
