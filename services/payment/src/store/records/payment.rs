//! Payments.

use prost::Message;
use service_kit::{clock::UnixMillis, record};

use super::{
    BalanceRow, MoneyRow, RecordError, balance, balance_row, corrupted, decode, money, money_row, uuid,
};
use crate::domain::{Cancellation, DeclineCode, Payment, PaymentId, PaymentMethod, State, UserId};

#[derive(Clone, PartialEq, Message)]
struct PaymentRow {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    user: Vec<u8>,
    #[prost(message, optional, tag = "3")]
    amount: Option<MoneyRow>,
    #[prost(string, tag = "4")]
    method: String,
    #[prost(bool, tag = "5")]
    is_immediate: bool,
    #[prost(uint64, tag = "6")]
    expires: u64,
    #[prost(string, tag = "7")]
    state: String,
    #[prost(message, optional, tag = "8")]
    balance: Option<BalanceRow>,
    #[prost(uint32, tag = "9")]
    operations: u32,
    #[prost(string, optional, tag = "10")]
    decline: Option<String>,
    /// 0 for none.
    #[prost(uint32, tag = "11")]
    cancellation: u32,
    #[prost(uint64, tag = "12")]
    version: u64,
    #[prost(uint64, tag = "13")]
    created: u64,
    #[prost(uint64, tag = "14")]
    updated: u64,
}

const ASKED: u32 = 1;
const EXPIRED: u32 = 2;

pub(crate) fn encode_payment(payment: &Payment) -> Vec<u8> {
    record::encode(&PaymentRow {
        id: payment.id.0.as_bytes().to_vec(),
        user: payment.user.0.as_bytes().to_vec(),
        amount: Some(money_row(payment.amount)),
        method: payment.method.reveal().to_owned(),
        is_immediate: payment.is_immediate,
        expires: payment.expires.0,
        state: payment.state.name().to_owned(),
        balance: Some(balance_row(&payment.balance)),
        operations: payment.operations,
        decline: payment.decline.as_ref().map(|code| code.as_str().to_owned()),
        cancellation: match payment.cancellation {
            None => 0,
            Some(Cancellation::Asked) => ASKED,
            Some(Cancellation::Expired) => EXPIRED,
        },
        version: payment.version,
        created: payment.created.0,
        updated: payment.updated.0,
    })
}

pub(crate) fn decode_payment(row: &[u8]) -> Result<Payment, RecordError> {
    let row: PaymentRow = decode(row)?;
    Ok(Payment {
        id: PaymentId(uuid(&row.id)?),
        user: UserId(uuid(&row.user)?),
        amount: money(row.amount)?,
        method: PaymentMethod::restore(row.method),
        is_immediate: row.is_immediate,
        expires: UnixMillis(row.expires),
        state: State::named(&row.state).ok_or_else(|| corrupted("unknown state"))?,
        balance: balance(row.balance)?,
        operations: row.operations,
        decline: row.decline.as_deref().map(DeclineCode::new),
        cancellation: match row.cancellation {
            0 => None,
            ASKED => Some(Cancellation::Asked),
            EXPIRED => Some(Cancellation::Expired),
            _ => return Err(corrupted("unknown cancellation")),
        },
        version: row.version,
        created: UnixMillis(row.created),
        updated: UnixMillis(row.updated),
    })
}
