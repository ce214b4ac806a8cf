//! Remembered answers in the embedded store, to be used inside a service's own write transaction.

use redb::{ReadableTable as _, TableDefinition, WriteTransaction};

use super::{REMEMBERED, Request};
use crate::clock::UnixMillis;

/// Key of the request -> fingerprint, expiry, answer.
const ANSWERS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("kit.requests");
/// (Expiry, key), oldest first.
const BY_EXPIRY: TableDefinition<'_, (u64, [u8; 32]), ()> = TableDefinition::new("kit.requests_by_expiry");

/// Expired answers dropped by each remembering: two, so that a backlog shrinks while no write waits long.
const DROPPED_PER_WRITE: usize = 2;

const HEAD: usize = 32 + 8;

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// Nothing: it is new.
    New,
    /// It was answered with these bytes.
    Answered(Vec<u8>),
    /// The same id was used for other content.
    Reused,
}

/// Makes the tables, so that [`look_up`] in a new store finds them empty rather than missing.
///
/// # Errors
/// When the database cannot be written.
pub fn create(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.open_table(ANSWERS)?;
    txn.open_table(BY_EXPIRY)?;
    Ok(())
}

/// What is known of `request`.
///
/// # Errors
/// When the database cannot be read.
pub fn recall(txn: &WriteTransaction, request: &Request, now: UnixMillis) -> Result<Recalled, redb::Error> {
    let answers = txn.open_table(ANSWERS)?;
    let found = answers.get(request.key)?;
    Ok(found.map_or(Recalled::New, |row| judge(row.value(), request, now)))
}

/// As [`recall`], outside a write.
///
/// # Errors
/// When the database cannot be read.
pub fn look_up(
    txn: &redb::ReadTransaction,
    request: &Request,
    now: UnixMillis,
) -> Result<Recalled, redb::Error> {
    let answers = txn.open_table(ANSWERS)?;
    let found = answers.get(request.key)?;
    Ok(found.map_or(Recalled::New, |row| judge(row.value(), request, now)))
}

/// Remembers the answer to `request`, in the transaction that makes it true.
///
/// # Errors
/// When the database cannot be written.
pub fn remember(
    txn: &WriteTransaction,
    request: &Request,
    answer: &[u8],
    now: UnixMillis,
) -> Result<(), redb::Error> {
    let expiry = now.after(REMEMBERED).0;
    let mut value = Vec::with_capacity(HEAD + answer.len());
    value.extend_from_slice(&request.fingerprint);
    value.extend_from_slice(&expiry.to_be_bytes());
    value.extend_from_slice(answer);
    let mut answers = txn.open_table(ANSWERS)?;
    let mut by_expiry = txn.open_table(BY_EXPIRY)?;
    for _ in 0..DROPPED_PER_WRITE {
        let expired = match by_expiry.first()? {
            Some((key, _)) if key.value().0 <= now.0 => key.value(),
            _ => break,
        };
        by_expiry.remove(expired)?;
        // The key may have been used again since: then its newer answer stays.
        let stale = answers.get(expired.1)?.is_some_and(|row| expiry_of(row.value()) <= now.0);
        if stale {
            answers.remove(expired.1)?;
        }
    }
    answers.insert(request.key, value.as_slice())?;
    by_expiry.insert((expiry, request.key), ())?;
    Ok(())
}

fn judge(row: &[u8], request: &Request, now: UnixMillis) -> Recalled {
    let Some((fingerprint, rest)) = row.split_at_checked(32) else { return Recalled::New };
    if expiry_of(row) <= now.0 {
        Recalled::New
    } else if fingerprint == request.fingerprint {
        Recalled::Answered(rest.get(8..).unwrap_or_default().to_vec())
    } else {
        Recalled::Reused
    }
}

fn expiry_of(row: &[u8]) -> u64 {
    row.get(32..HEAD).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
}
