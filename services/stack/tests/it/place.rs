//! A stack's place on the servers of the tests.

use std::collections::HashSet;

use load::torture::Setting;
use mesh_rig::{
    servers::broker,
    testing::{Keyspace, Vhost, keyspace, vhost},
};
use scylla::{
    client::{session::Session, session_builder::SessionBuilder},
    deserialize::row::DeserializeRow,
};
use uuid::Uuid;

use crate::process::eventually;

/// What `outbox_mark` says of an intent that never became an event.
const ABORTED: i8 = 2;

/// Keyspaces and a virtual host, for one stack. Keyspaces are lent again and again: to make their tables takes longer
/// than a whole case.
pub(crate) struct Place {
    keyspace: Keyspace,
    vhost: Vhost,
}

impl Place {
    pub(crate) async fn lend() -> Self {
        let (keyspace, vhost) = tokio::join!(keyspace(), vhost());
        Self { keyspace, vhost }
    }

    /// The setting, here.
    pub(crate) fn of(&self, setting: Setting) -> Setting {
        let Self { keyspace, vhost } = self;
        setting.on_servers(keyspace.contact_points(), keyspace.name(), broker().unwrap(), vhost.name())
    }

    /// Waits until every event of a service is known to be published.
    pub(crate) async fn published(&self, service: &str) {
        let session = self.session().await;
        let keyspace = format!("{}_{service}", self.keyspace.name());
        eventually("everything is published", async || {
            let intents =
                read::<(Uuid,)>(&session, &format!("SELECT attempt FROM {keyspace}.outbox_intent")).await;
            let sets =
                read::<(Vec<u8>,)>(&session, &format!("SELECT intents FROM {keyspace}.outbox_published"))
                    .await;
            // An event's id, and the attempt that committed it.
            let published: HashSet<Uuid> = sets
                .iter()
                .flat_map(|(set,)| {
                    set.chunks_exact(32).map(|intent| Uuid::from_slice(&intent[16..]).unwrap())
                })
                .collect();
            intents.iter().all(|(attempt,)| published.contains(attempt))
        })
        .await;
    }

    /// Waits until an intent of a service is given up.
    pub(crate) async fn aborted(&self, service: &str) {
        let session = self.session().await;
        let marks = format!("SELECT mark FROM {}_{service}.outbox_mark", self.keyspace.name());
        eventually("an intent is given up", async || {
            read::<(i8,)>(&session, &marks).await.contains(&(ABORTED,))
        })
        .await;
    }

    async fn session(&self) -> Session {
        SessionBuilder::new().known_nodes(self.keyspace.contact_points()).build().await.unwrap()
    }
}

async fn read<R>(session: &Session, text: &str) -> Vec<R>
where
    R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
{
    let rows = session.query_unpaged(text, ()).await.unwrap().into_rows_result().unwrap();
    rows.rows::<R>().unwrap().map(Result::unwrap).collect()
}
