//! What lies in the stores of a platform that has stopped or is quiet.
//!
//! Profiles are read here and not through the API: the service makes a profile that is missing when it is asked for
//! one, and so would repair what an event that was lost has left. And only here is seen whether an event is still on
//! its way: the API tells of parked events, not of those that wait.

pub(super) mod embedded;
pub(super) mod servers;

use std::path::Path;

use mesh_rig::history::Found;
use user::{domain::UserId, store::ProfileStore};

pub use self::servers::{Keyspaces, Servers};

use super::convert;

/// What a platform stands on.
#[derive(Clone, Debug, Default)]
#[expect(clippy::large_enum_variant, reason = "there is one of it for each torture")]
pub enum Ground {
    /// A file in its data folder.
    #[default]
    Embedded,
    /// A CQL cluster and a broker.
    Servers(Servers),
}

/// What was seen.
pub(super) struct Disk {
    /// Everybody's profile.
    pub(super) profiles: Vec<Found>,
    /// Events that somebody has yet to publish or to take.
    pub(super) under_way: Vec<String>,
}

impl Ground {
    /// Looks for the profiles of these people, and for events, below a stack that does not run and whose data folder
    /// this is.
    ///
    /// # Errors
    /// When a store cannot be read.
    pub(super) async fn look(&self, data: &Path, people: &[String]) -> anyhow::Result<Disk> {
        match self {
            Self::Embedded => embedded::look(data, people).await,
            Self::Servers(servers) => servers.look(people).await,
        }
    }
}

async fn profiles(store: &impl ProfileStore, people: &[String]) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::with_capacity(people.len());
    for user_id in people {
        // Whoever was asked for under no id at all has no profile either.
        let profile = match UserId::parse("user_id", user_id) {
            Ok(id) => store.profile(id).await?,
            Err(_) => None,
        };
        found.push(match profile {
            Some(profile) => Found::Profile(convert::kept(user_id, profile)),
            None => Found::NoProfile { user_id: user_id.clone() },
        });
    }
    Ok(found)
}
