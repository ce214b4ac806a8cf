//! What was answered to repeated requests.

use redb::WriteTransaction;
use service_kit::{
    clock::UnixMillis,
    requests::{
        Request,
        embedded::{Recalled, recall, remember},
    },
};

use crate::store::{
    Answer, StoreError,
    records::{decode_answer, encode_answer},
};

/// The answer to be replayed for `request`, or the refusal of its reuse.
pub(super) fn replay(
    txn: &WriteTransaction,
    request: Option<&Request>,
    now: UnixMillis,
) -> Result<Result<Option<Answer>, StoreError>, redb::Error> {
    match request {
        None => Ok(Ok(None)),
        Some(request) => answer(recall(txn, request, now)?),
    }
}

/// Remembers the answer to `request`, if it has a name.
pub(super) fn keep(
    txn: &WriteTransaction,
    request: Option<&Request>,
    answer: &Answer,
    now: UnixMillis,
) -> Result<(), redb::Error> {
    let Some(request) = request else { return Ok(()) };
    remember(txn, request, &encode_answer(answer), now)
}

/// What is known of a request, as an answer.
pub(super) fn answer(recalled: Recalled) -> Result<Result<Option<Answer>, StoreError>, redb::Error> {
    match recalled {
        Recalled::New => Ok(Ok(None)),
        Recalled::Reused => Ok(Err(StoreError::RequestReused)),
        Recalled::Answered(row) => Ok(Ok(Some(decode_answer(&row)?))),
    }
}
