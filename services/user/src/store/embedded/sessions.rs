//! Commands and queries on sessions.

use async_trait::async_trait;
use redb::{ReadableTable as _, WriteTransaction};
use service_kit::clock::UnixMillis;

use super::{
    EmbeddedStore, Job,
    tables::{SESSIONS, SESSIONS_BY_EXPIRY, SESSIONS_BY_USER},
    unread,
    users::stored,
};
use crate::{
    domain::{Session, TokenHash, UserId},
    store::{
        SessionStore, StoreError,
        records::{decode_session, encode_session},
    },
};

/// Expired sessions dropped by each opening: two, so that a backlog shrinks while no write waits long.
const SWEPT_PER_OPENING: usize = 2;

#[async_trait]
impl SessionStore for EmbeddedStore {
    async fn open_session(&self, token: TokenHash, session: Session) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.commit(move |txn| open(txn, token, &session, now)).await
    }

    async fn session(&self, token: TokenHash) -> Result<Option<Session>, StoreError> {
        let found = self.engine.read(move |txn| {
            let sessions = txn.open_table(SESSIONS)?;
            Ok(sessions.get(token.0)?.map(|row| decode_session(row.value())).transpose()?)
        });
        found.await.map_err(unread)
    }

    async fn end_session(&self, token: TokenHash) -> Result<(), StoreError> {
        self.commit(move |txn| end(txn, token).map(Ok)).await
    }
}

fn open(txn: &WriteTransaction, token: TokenHash, session: &Session, now: UnixMillis) -> Job<()> {
    if stored(txn, session.user_id)?.is_none() {
        return Ok(Err(StoreError::NotFound));
    }
    sweep(txn, now)?;
    txn.open_table(SESSIONS)?.insert(token.0, encode_session(session).as_slice())?;
    txn.open_table(SESSIONS_BY_USER)?.insert((session.user_id.0.as_u128(), token.0), ())?;
    txn.open_table(SESSIONS_BY_EXPIRY)?.insert((session.expires.0, token.0), ())?;
    Ok(Ok(()))
}

fn end(txn: &WriteTransaction, token: TokenHash) -> Result<(), redb::Error> {
    let Some(session) =
        txn.open_table(SESSIONS)?.remove(token.0)?.map(|row| decode_session(row.value())).transpose()?
    else {
        return Ok(());
    };
    txn.open_table(SESSIONS_BY_USER)?.remove((session.user_id.0.as_u128(), token.0))?;
    txn.open_table(SESSIONS_BY_EXPIRY)?.remove((session.expires.0, token.0))?;
    Ok(())
}

fn sweep(txn: &WriteTransaction, now: UnixMillis) -> Result<(), redb::Error> {
    for _ in 0..SWEPT_PER_OPENING {
        let expired = match txn.open_table(SESSIONS_BY_EXPIRY)?.first()? {
            Some((key, _)) if key.value().0 <= now.0 => TokenHash(key.value().1),
            _ => return Ok(()),
        };
        end(txn, expired)?;
    }
    Ok(())
}

/// Ends all sessions of a user who is being deleted.
pub(super) fn end_sessions_of(txn: &WriteTransaction, user: UserId) -> Result<(), redb::Error> {
    let id = user.0.as_u128();
    let range = (id, [0; 32])..=(id, [255; 32]);
    let tokens: Vec<_> = txn
        .open_table(SESSIONS_BY_USER)?
        .range(range)?
        .map(|row| Ok(TokenHash(row?.0.value().1)))
        .collect::<Result<_, redb::Error>>()?;
    tokens.into_iter().try_for_each(|token| end(txn, token))
}
