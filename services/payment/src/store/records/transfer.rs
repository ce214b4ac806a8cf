//! Transfers.

use prost::Message;
use service_kit::{clock::UnixMillis, record};

use super::{KeyRow, MoneyRow, RecordError, corrupted, decode, key, key_row, money, money_row};
use crate::domain::{Direction, Phase, Transfer};

#[derive(Clone, PartialEq, Message)]
struct TransferRow {
    #[prost(message, optional, tag = "1")]
    operation: Option<KeyRow>,
    #[prost(uint32, tag = "2")]
    phase: u32,
    /// The pending transfer that it resolves, if so.
    #[prost(message, optional, tag = "3")]
    resolves: Option<KeyRow>,
    #[prost(bool, tag = "4")]
    is_refund: bool,
    #[prost(message, optional, tag = "5")]
    amount: Option<MoneyRow>,
    #[prost(uint64, tag = "6")]
    time: u64,
}

const PENDING: u32 = 1;
const POST: u32 = 2;
const VOID: u32 = 3;

pub(crate) fn encode_transfer(transfer: &Transfer) -> Vec<u8> {
    let phase = match transfer.phase() {
        Phase::Pending => PENDING,
        Phase::Post(_) => POST,
        Phase::Void(_) => VOID,
    };
    record::encode(&TransferRow {
        operation: Some(key_row(transfer.operation())),
        phase,
        resolves: transfer.resolves().map(key_row),
        is_refund: transfer.direction() == Direction::Refund,
        amount: Some(money_row(transfer.amount())),
        time: transfer.time().0,
    })
}

pub(crate) fn decode_transfer(row: &[u8]) -> Result<Transfer, RecordError> {
    let row: TransferRow = decode(row)?;
    let phase = match row.phase {
        PENDING => Phase::Pending,
        POST => Phase::Post(key(row.resolves)?),
        VOID => Phase::Void(key(row.resolves)?),
        _ => return Err(corrupted("unknown phase")),
    };
    let direction = if row.is_refund { Direction::Refund } else { Direction::Charge };
    let transfer =
        Transfer::new(key(row.operation)?, phase, direction, money(row.amount)?, UnixMillis(row.time));
    transfer.map_err(|error| corrupted(&error.to_string()))
}
