//! Writes, each inside one transaction.

use redb::{ReadableTable as _, WriteTransaction};
use service_kit::{
    clock::UnixMillis,
    requests::{
        Request,
        embedded::{Recalled, recall, remember},
    },
};

use super::{
    decode,
    tables::{BY_USER, DUE, ITEMS},
};
use crate::{
    domain::{Notification, NotificationId, Verdict},
    store::{Enqueued, StoreError, records::encode},
};

/// Takes on `notification`, of which `row` is the row: encoded by the caller, because everybody waits for the
/// writer.
pub(super) fn enqueue(
    txn: &WriteTransaction,
    notification: Notification,
    row: &[u8],
    request: Option<&Request>,
    now: UnixMillis,
) -> Result<Result<Enqueued, StoreError>, redb::Error> {
    if let Some(request) = request {
        match recall(txn, request, now)? {
            Recalled::Reused => return Ok(Err(StoreError::RequestReused)),
            Recalled::Answered(row) => {
                return Ok(Ok(Enqueued::before(decode(&row)?)));
            }
            Recalled::New => {}
        }
    }
    let id = notification.id.0.as_u128();
    let mut items = txn.open_table(ITEMS)?;
    if let Some(found) = items.get(id)? {
        return Ok(Ok(Enqueued::before(decode(found.value())?)));
    }
    items.insert(id, row)?;
    txn.open_table(BY_USER)?.insert((notification.user_id.as_u128(), notification.created.0, id), ())?;
    txn.open_table(DUE)?.insert((notification.due.0, id), ())?;
    if let Some(request) = request {
        remember(txn, request, row, now)?;
    }
    Ok(Ok(Enqueued::new(notification)))
}

pub(super) fn settle(
    txn: &WriteTransaction,
    tried: Vec<(NotificationId, Verdict)>,
    now: UnixMillis,
) -> Result<Vec<Notification>, redb::Error> {
    let mut items = txn.open_table(ITEMS)?;
    let mut due = txn.open_table(DUE)?;
    let mut settled = Vec::with_capacity(tried.len());
    for (id, verdict) in tried {
        let id = id.0.as_u128();
        let Some(before) = items.get(id)?.map(|row| decode(row.value())).transpose()? else { continue };
        due.remove((before.due.0, id))?;
        let after = before.tried(verdict, now);
        if after.is_pending() {
            due.insert((after.due.0, id), ())?;
        }
        items.insert(id, encode(&after).as_slice())?;
        settled.push(after);
    }
    Ok(settled)
}
