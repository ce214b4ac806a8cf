//! What reads of profiles must see where replicas hold them in caches of their own.
//!
//! A read that asks for nothing may be behind by a little: no fault could be found in it. So whoever reads sends a token
//! of the newest version that anybody was told of, which the nearest cache may or may not do for; and where a user may
//! be gone, of which no token tells, asks for a strong read.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mesh_rig::history::{Answer, Call};
use proto::user::v1::{Consistency, GetProfileRequest};
use tonic::Request;

/// The metadata that carries tokens.
const TOKEN: &str = "x-consistency-token";

/// What everybody was told so far. It grows with the operations, as the history does.
#[derive(Debug, Default)]
pub(super) struct Freshness(Mutex<HashMap<String, Known>>);

/// What is known of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It has at least this version.
    Version(u64),
    /// Somebody asked for its user's end.
    MayBeGone,
}

impl Freshness {
    /// Somebody is about to ask.
    pub(super) fn asked(&self, call: &Call) {
        if let Call::DeleteUser { user_id, .. } = call {
            self.known().insert(user_id.clone(), Known::MayBeGone);
        }
    }

    /// Somebody was told. Whoever asks after this must be told no less.
    pub(super) fn told(&self, answer: &Answer) {
        let (user_id, version) = match answer {
            // Whoever is a user has a profile, or is given one.
            Answer::User(user) => (&user.user_id, 1),
            Answer::Profile(profile) => (&profile.user_id, profile.version),
            Answer::Payment(_) | Answer::Deleted => return,
        };
        let mut known = self.known();
        match known.get_mut(user_id) {
            Some(Known::Version(newest)) => *newest = version.max(*newest),
            Some(Known::MayBeGone) => {}
            None => drop(known.insert(user_id.clone(), Known::Version(version))),
        }
    }

    /// Makes a read see what was told.
    pub(super) fn require(&self, request: &mut Request<GetProfileRequest>) {
        let known = self.known().get(&request.get_ref().user_id).copied();
        match known {
            Some(Known::Version(version)) => {
                let token = format!("{}:{version}", request.get_ref().user_id);
                // An id that is none, as a history of a wrong service may tell it, has no token either.
                if let Ok(token) = token.parse() {
                    request.metadata_mut().insert(TOKEN, token);
                }
            }
            Some(Known::MayBeGone) => request.get_mut().set_consistency(Consistency::Strong),
            None => {}
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use mesh_rig::history::User;

    use super::*;

    fn profile(version: u64) -> Answer {
        let (user_id, text) = ("ada".to_owned(), String::new());
        Answer::Profile(User { user_id, email: text.clone(), display_name: text, version })
    }

    fn required(freshness: &Freshness) -> (Option<String>, Consistency) {
        let message = GetProfileRequest { user_id: "ada".to_owned(), ..Default::default() };
        let mut request = Request::new(message);
        freshness.require(&mut request);
        let token = request.metadata().get(TOKEN).map(|token| token.to_str().unwrap().to_owned());
        (token, request.get_ref().consistency())
    }

    #[test]
    fn a_read_asks_for_the_newest_that_was_told_and_for_all_once_a_user_may_be_gone() {
        let freshness = Freshness::default();
        assert_eq!(required(&freshness), (None, Consistency::Unspecified));
        freshness.told(&profile(3));
        freshness.told(&profile(2));
        assert_eq!(required(&freshness), (Some("ada:3".to_owned()), Consistency::Unspecified));
        freshness.asked(&Call::DeleteUser { request_id: String::new(), user_id: "ada".to_owned() });
        freshness.told(&profile(4));
        assert_eq!(required(&freshness), (None, Consistency::Strong));
    }
}
