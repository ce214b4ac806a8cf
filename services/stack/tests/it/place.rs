//! A stack's place on the servers of the tests.

use load::torture::Setting;
use mesh_rig::{
    servers::broker,
    testing::{Keyspace, Vhost, keyspace, vhost},
};
use scylla::client::session_builder::SessionBuilder;
use uuid::Uuid;

use crate::process::eventually;

/// What became of an intent, in `outbox_mark`.
const PUBLISHED: i8 = 1;
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
        self.outbox(service, "everything is published", |intents, marks| {
            intents.iter().all(|intent| marks.contains(&(*intent, PUBLISHED)))
        })
        .await;
    }

    /// Waits until an intent of a service is given up.
    pub(crate) async fn aborted(&self, service: &str) {
        self.outbox(service, "an intent is given up", |_, marks| {
            marks.iter().any(|(_, mark)| *mark == ABORTED)
        })
        .await;
    }

    /// Looks at the attempts of a service's events, and at what became of them, until they are so.
    async fn outbox(&self, service: &str, what: &str, are_so: impl Fn(&[Uuid], &[(Uuid, i8)]) -> bool) {
        let session =
            SessionBuilder::new().known_nodes(self.keyspace.contact_points()).build().await.unwrap();
        let keyspace = format!("{}_{service}", self.keyspace.name());
        let intents = format!("SELECT attempt FROM {keyspace}.outbox_intent");
        let marks = format!("SELECT attempt, mark FROM {keyspace}.outbox_mark");
        eventually(what, async || {
            let intents =
                session.query_unpaged(intents.as_str(), ()).await.unwrap().into_rows_result().unwrap();
            let marks = session.query_unpaged(marks.as_str(), ()).await.unwrap().into_rows_result().unwrap();
            let intents: Vec<_> = intents.rows::<(Uuid,)>().unwrap().map(|row| row.unwrap().0).collect();
            let marks: Vec<_> = marks.rows::<(Uuid, i8)>().unwrap().map(Result::unwrap).collect();
            are_so(&intents, &marks)
        })
        .await;
    }
}
