//! Sessions: open, find, end.

use std::{sync::Arc, time::Duration};

use service_kit::clock::Clock;
use uuid::Uuid;

use crate::{
    domain::{Attributes, Session, Token, UserId},
    error::Error,
    store::Store,
};

/// The use cases of sessions.
#[derive(Clone)]
pub struct Sessions {
    store: Arc<dyn Store>,
    clock: Clock,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    /// Use cases on `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Opens a session and tells its token, this once.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::Unavailable`].
    pub async fn open(
        &self,
        user_id: UserId,
        attributes: Attributes,
        ttl: Duration,
    ) -> Result<(Session, Token), Error> {
        let token = Token::random(&mut rand::rng());
        let now = self.clock.now();
        let session =
            Session { id: Uuid::now_v7(), user_id, attributes, created: now, expires: now.after(ttl) };
        let opened = self.store.open_session(token.hash(), session.clone()).await;
        opened.map_err(|error| Error::of_user(error, user_id))?;
        Ok((session, token))
    }

    /// The session that a token opens.
    ///
    /// # Errors
    /// [`Error::SessionNotFound`] also for what is no token at all; [`Error::Unavailable`].
    pub async fn get(&self, token: &str) -> Result<Session, Error> {
        let token = Token::parse(token).ok_or(Error::SessionNotFound)?;
        let found =
            self.store.session(token.hash()).await.map_err(|error| Error::Unavailable(error.into()))?;
        found.filter(|session| self.clock.now() < session.expires).ok_or(Error::SessionNotFound)
    }

    /// Ends the session of a token; one that has ended stays so.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn revoke(&self, token: &str) -> Result<(), Error> {
        match Token::parse(token) {
            Some(token) => {
                self.store.end_session(token.hash()).await.map_err(|error| Error::Unavailable(error.into()))
            }
            None => Ok(()),
        }
    }
}
