//! Operations and their keys.

use prost::Message;
use service_kit::{clock::UnixMillis, record};

use super::{KeyRow, MoneyRow, RecordError, corrupted, decode, key, key_row, money, money_row};
use crate::domain::{DeclineCode, Operation, OperationKind, Outcome, ProviderKey};

#[derive(Clone, PartialEq, Message)]
struct OperationRow {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(message, optional, tag = "2")]
    amount: Option<MoneyRow>,
    #[prost(uint64, tag = "3")]
    begun: u64,
    /// 0 for an open one.
    #[prost(uint32, tag = "4")]
    outcome: u32,
    #[prost(string, tag = "5")]
    decline: String,
}

const OPEN: u32 = 0;
const SETTLED: u32 = 1;
const DECLINED: u32 = 2;
const FAILED: u32 = 3;

/// Numbers stand for kinds for ever.
const KINDS: [(u32, OperationKind); 4] = [
    (1, OperationKind::Authorize),
    (2, OperationKind::Capture),
    (3, OperationKind::Void),
    (4, OperationKind::Refund),
];

pub(crate) fn encode_operation(operation: &Operation) -> Vec<u8> {
    let kind = match operation.kind {
        OperationKind::Authorize => 1,
        OperationKind::Capture => 2,
        OperationKind::Void => 3,
        OperationKind::Refund => 4,
    };
    let (outcome, decline) = match &operation.outcome {
        None => (OPEN, ""),
        Some(Outcome::Settled) => (SETTLED, ""),
        Some(Outcome::Declined(code)) => (DECLINED, code.as_str()),
        Some(Outcome::Failed) => (FAILED, ""),
    };
    record::encode(&OperationRow {
        kind,
        amount: Some(money_row(operation.amount)),
        begun: operation.begun.0,
        outcome,
        decline: decline.to_owned(),
    })
}

pub(crate) fn decode_operation(key: ProviderKey, row: &[u8]) -> Result<Operation, RecordError> {
    let row: OperationRow = decode(row)?;
    let kind = KINDS.iter().find(|(number, _)| *number == row.kind);
    let outcome = match row.outcome {
        OPEN => None,
        SETTLED => Some(Outcome::Settled),
        DECLINED => Some(Outcome::Declined(DeclineCode::new(&row.decline))),
        FAILED => Some(Outcome::Failed),
        _ => return Err(corrupted("unknown outcome")),
    };
    Ok(Operation {
        key,
        kind: kind.ok_or_else(|| corrupted("unknown kind of operation"))?.1,
        amount: money(row.amount)?,
        begun: UnixMillis(row.begun),
        outcome,
    })
}

/// The answer that is remembered for a request.
pub(crate) fn encode_key(of: ProviderKey) -> Vec<u8> {
    record::encode(&key_row(of))
}

pub(crate) fn decode_key(row: &[u8]) -> Result<ProviderKey, RecordError> {
    key(Some(decode::<KeyRow>(row)?))
}
