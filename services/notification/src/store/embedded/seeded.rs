//! A mistake that a test can put into this store, to prove that it would be noticed. Without failpoints compiled
//! in, none of it can happen.

use redb::TableDefinition;
use service_kit::embedded::{Engine, WriteError};

use crate::{domain::NotificationId, store::StoreError};

/// Notification id -> (): what was seen, whether or not it was taken on.
const SEEN: TableDefinition<'_, u128, ()> = TableDefinition::new("notification.seen");

/// Whether a notification shall be remembered as seen in one write and taken on in another.
// Seeded bug, only with failpoints compiled in: after a crash between the two writes, the event that comes again is
// taken for a duplicate, and its mail is lost for ever. In truth the row itself is what tells a duplicate.
pub(super) fn is_seen_before_effect() -> bool {
    fail::fail_point!("bug.seen-before-effect", |_| true);
    false
}

/// Remembers a notification as seen; answers whether it was before.
pub(super) async fn see(engine: &Engine, id: NotificationId) -> Result<bool, WriteError<StoreError>> {
    let job = move |txn: &redb::WriteTransaction| {
        let mut seen = txn.open_table(SEEN)?;
        Ok(Ok(seen.insert(id.0.as_u128(), ())?.is_some()))
    };
    engine.write(job).await
}
