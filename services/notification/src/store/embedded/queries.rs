//! Reads, each of one snapshot.

use std::collections::HashSet;

use redb::{ReadTransaction, ReadableTable as _};
use service_kit::clock::UnixMillis;
use uuid::Uuid;

use super::{
    decode,
    tables::{BY_USER, DUE, ITEMS},
};
use crate::{
    domain::{Notification, NotificationId},
    store::ListKey,
};

pub(super) fn find(txn: &ReadTransaction, id: NotificationId) -> Result<Option<Notification>, redb::Error> {
    txn.open_table(ITEMS)?.get(id.0.as_u128())?.map(|row| decode(row.value())).transpose()
}

pub(super) fn list(
    txn: &ReadTransaction,
    user: Uuid,
    after: Option<ListKey>,
    limit: usize,
) -> Result<Vec<Notification>, redb::Error> {
    let (items, by_user) = (txn.open_table(ITEMS)?, txn.open_table(BY_USER)?);
    let user = user.as_u128();
    let (created, id) = after.map_or((u64::MAX, u128::MAX), |(created, id)| (created.0, id.0.as_u128()));
    // The table is oldest first, so newest first is from its end, below the last one told.
    let keys = by_user.range((user, 0, 0)..(user, created, id))?.rev().take(limit);
    let mut listed = Vec::new();
    for key in keys {
        let (_, _, id) = key?.0.value();
        listed.extend(items.get(id)?.map(|row| decode(row.value())).transpose()?);
    }
    Ok(listed)
}

pub(super) fn due(
    txn: &ReadTransaction,
    now: UnixMillis,
    limit: usize,
    held: &HashSet<NotificationId>,
) -> Result<Vec<Notification>, redb::Error> {
    let (items, due) = (txn.open_table(ITEMS)?, txn.open_table(DUE)?);
    let mut claimed = Vec::new();
    for key in due.range(..=(now.0, u128::MAX))? {
        let (_, id) = key?.0.value();
        if held.contains(&NotificationId(Uuid::from_u128(id))) {
            continue;
        }
        match items.get(id)?.map(|row| decode(row.value())).transpose() {
            Ok(found) => claimed.extend(found),
            // It stays due, for a version that can read it; the others must not wait behind it.
            Err(error) => {
                let id = Uuid::from_u128(id);
                tracing::error!(notification.id = %id, error = %mesh_telemetry::chain(&error), "a notification cannot be read and is not sent");
            }
        }
        if claimed.len() >= limit {
            break;
        }
    }
    Ok(claimed)
}

pub(super) fn next_due(
    txn: &ReadTransaction,
    held: &HashSet<NotificationId>,
) -> Result<Option<UnixMillis>, redb::Error> {
    for key in txn.open_table(DUE)?.iter()? {
        let (at, id) = key?.0.value();
        if !held.contains(&NotificationId(Uuid::from_u128(id))) {
            return Ok(Some(UnixMillis(at)));
        }
    }
    Ok(None)
}
