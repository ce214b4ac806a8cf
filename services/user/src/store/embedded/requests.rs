//! What was answered to repeated requests, as rows with a letter for their kind.

use redb::WriteTransaction;
use service_kit::{
    clock::UnixMillis,
    requests::{
        Request,
        embedded::{Recalled, recall, remember},
    },
};

use super::records::{decode_profile, decode_user, encode_profile, encode_user};
use crate::store::{Answer, StoreError};

const USER: u8 = b'u';
const PROFILE: u8 = b'p';
const DELETED: u8 = b'd';

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
    let (kind, body) = match answer {
        Answer::User(user) => (USER, encode_user(user)),
        Answer::Profile(profile) => (PROFILE, encode_profile(profile)),
        Answer::Deleted => (DELETED, Vec::new()),
    };
    let mut row = Vec::with_capacity(1 + body.len());
    row.push(kind);
    row.extend_from_slice(&body);
    remember(txn, request, &row, now)
}

/// What is known of a request, as an answer.
pub(super) fn answer(recalled: Recalled) -> Result<Result<Option<Answer>, StoreError>, redb::Error> {
    let row = match recalled {
        Recalled::New => return Ok(Ok(None)),
        Recalled::Reused => return Ok(Err(StoreError::RequestReused)),
        Recalled::Answered(row) => row,
    };
    let answer = match row.split_first() {
        Some((&USER, body)) => Answer::User(decode_user(body)?),
        Some((&PROFILE, body)) => Answer::Profile(decode_profile(body)?),
        Some((&DELETED, _)) => Answer::Deleted,
        _ => return Err(redb::Error::Corrupted("answer of unknown kind".to_owned())),
    };
    Ok(Ok(Some(answer)))
}
