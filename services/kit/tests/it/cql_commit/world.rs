//! Aggregates of a test: accounts, whose state is one row.

use std::time::Duration;

use mesh_events::{Envelope, EventKind, Outbox as _};
use mesh_rig::testing::{Keyspace, keyspace};
use scylla::value::CqlValue;
use service_kit::{
    clock::{Clock, Hand, UnixMillis},
    cql::{
        Bound, Cql, CqlConfig, Migration, Purpose, Statement,
        commit::{self, CommitConfig, CommitError, Commits, Draft, Outcome, Table},
    },
};
use uuid::Uuid;

pub(crate) const ACCOUNTS: Table = Table { name: "accounts", key: "account_id" };

const TABLE: Migration = Migration {
    version: 1,
    name: "accounts",
    text: "CREATE TABLE IF NOT EXISTS accounts (account_id uuid, kind tinyint, sort blob, rev bigint static, \
           attempt uuid, fingerprint blob, expire_time_ms bigint, body blob, PRIMARY KEY ((account_id), kind, sort));",
    scylla: None,
};

/// Where the clock begins.
pub(crate) const START: UnixMillis = UnixMillis(1_700_000_100_000);

/// Longer than a bucket stays open.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// An empty keyspace under a clock that only the test moves.
pub(crate) struct World {
    pub(crate) cql: Cql,
    pub(crate) clock: Clock,
    pub(crate) hand: Hand,
    state: Statement,
    states: Statement,
    // Last, so that it is given back once nobody uses it.
    _keyspace: Keyspace,
}

impl World {
    pub(crate) async fn begin() -> Self {
        let keyspace = keyspace().await;
        let config = CqlConfig::plain(keyspace.contact_points(), keyspace.name());
        let cql = Cql::connect(&config).await.unwrap();
        cql.migrate(commit::MIGRATIONS).await.unwrap();
        cql.migrate(&[TABLE]).await.unwrap();
        let put = "INSERT INTO accounts (account_id, kind, sort, body) VALUES (?, 1, 0x00, ?)";
        let get = "SELECT body FROM accounts WHERE account_id = ? AND kind = 1 AND sort = 0x00";
        let state = cql.prepare(Purpose::Cas, put).await.unwrap();
        let states = cql.prepare(Purpose::Decide, get).await.unwrap();
        let (clock, hand) = Clock::manual(START);
        Self { cql, clock, hand, state, states, _keyspace: keyspace }
    }

    /// An instance of the service; one per name may live.
    pub(crate) async fn instance(&self, name: &str) -> Commits {
        self.configured(CommitConfig { instance: name.to_owned(), ..CommitConfig::default() }).await
    }

    pub(crate) async fn configured(&self, config: CommitConfig) -> Commits {
        Commits::open(self.cql.clone(), self.clock.clone(), config, ACCOUNTS).await.unwrap()
    }

    /// The write of an account's state.
    pub(crate) fn write(&self, account: Uuid, state: &str) -> Bound {
        self.state.bind(vec![Some(CqlValue::Uuid(account)), Some(CqlValue::Blob(state.into()))])
    }

    /// An account's state.
    pub(crate) async fn state(&self, account: Uuid) -> Option<String> {
        let rows = self.cql.rows(&self.states, (account,)).await.unwrap();
        let row: Option<(Option<Vec<u8>>,)> = rows.maybe_first_row().unwrap();
        row.map(|(body,)| String::from_utf8(body.unwrap()).unwrap())
    }

    /// An event that happens now.
    pub(crate) fn event(&self, n: u128, account: Uuid) -> Envelope {
        Envelope {
            id: Uuid::from_u128(n),
            kind: EventKind::from_static("account.changed"),
            subject: account,
            version: 1,
            occur_time_ms: self.clock.now().0,
            body: format!(r#"{{"n":{n}}}"#).into(),
            traceparent: None,
        }
    }

    /// Commits a change of an account as a service does, with its event as the new state.
    pub(crate) async fn change(&self, commits: &Commits, event: &Envelope) -> Result<Outcome, CommitError> {
        let rev = commits.revision(&CqlValue::Uuid(event.subject)).await?;
        let intended = commits.intend(draft(event), rev, vec![]).await?;
        commits.commit(intended, vec![self.write(event.subject, &event.id.to_string())]).await
    }

    /// As [`World::change`], until nobody else was in between.
    pub(crate) async fn changed(&self, commits: &Commits, event: &Envelope) {
        while self.change(commits, event).await.unwrap() == Outcome::Moved {}
    }
}

/// A draft without a request.
pub(crate) fn draft(event: &Envelope) -> Draft {
    Draft { key: CqlValue::Uuid(event.subject), event: Some(event.clone()), request: None }
}

/// What waits to be published, whatever its age.
pub(crate) async fn pending(commits: &Commits) -> Vec<Envelope> {
    commits.outbox().pending(Duration::ZERO, None, 1_000).await.unwrap()
}

pub(crate) async fn mark(commits: &Commits, events: &[Envelope]) {
    let keys: Vec<_> = events.iter().map(Envelope::outbox_key).collect();
    commits.outbox().mark_published(&keys).await.unwrap();
}

pub(crate) fn account(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub(crate) fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
