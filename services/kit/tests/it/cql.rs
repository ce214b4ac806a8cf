//! The session with a real cluster: migrations, conditional writes, deadlines.

use std::time::Duration;

use mesh_rig::testing::{Keyspace, fresh_keyspace, keyspace};
use mesh_rpc::deadline::{self, Deadline};
use scylla::value::CqlValue;
use service_kit::cql::{Cas, ConnectError, Cql, CqlConfig, CqlError, MigrateError, Migration, Purpose};

const COUNTERS: Migration = Migration {
    version: 1,
    name: "counters",
    text: "CREATE TABLE IF NOT EXISTS counters (id int, sort int, rev bigint static, body text, PRIMARY KEY (id, sort));",
    scylla: None,
};

async fn connect(keyspace: &Keyspace) -> Cql {
    Cql::connect(&CqlConfig::plain(keyspace.contact_points(), keyspace.name())).await.expect("a session")
}

async fn counters() -> (Keyspace, Cql) {
    let keyspace = keyspace().await;
    let cql = connect(&keyspace).await;
    cql.migrate(&[COUNTERS]).await.expect("a table");
    (keyspace, cql)
}

fn int(value: i32) -> Option<CqlValue> {
    Some(CqlValue::Int(value))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_start_at_once_migrate_once() {
    // Several, since it takes some luck that all of them find nothing.
    for _ in 0..5 {
        let keyspace = fresh_keyspace().await;
        let sessions = futures_util::future::join_all((0..4).map(|_| connect(&keyspace))).await;
        let migrated = sessions.iter().map(|cql| cql.migrate(&[COUNTERS]));
        let migrated = futures_util::future::join_all(migrated).await;
        migrated.into_iter().for_each(|outcome| outcome.unwrap());
        for cql in &sessions {
            let read = cql.prepare(Purpose::Read, "SELECT id FROM counters WHERE id = ?").await.unwrap();
            assert_eq!(cql.rows(&read, (1,)).await.unwrap().rows_num(), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_was_changed_is_refused_by_name() {
    let (_keyspace, cql) = counters().await;
    let changed =
        Migration { text: "CREATE TABLE IF NOT EXISTS counters (id uuid PRIMARY KEY);", ..COUNTERS };
    let refused = cql.migrate(&[changed]).await.unwrap_err();
    assert!(matches!(refused, MigrateError::Changed { version: 1, name: "counters" }), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_fails_is_named_and_tried_again() {
    let keyspace = keyspace().await;
    let cql = connect(&keyspace).await;
    let wrong = Migration { name: "later", text: "CREATE TABLE later (no type);", ..COUNTERS };
    let failed = cql.migrate(&[wrong]).await.unwrap_err();
    assert!(matches!(failed, MigrateError::Statement { version: 1, name: "later", .. }), "{failed:?}");
    let mended = Migration { text: "CREATE TABLE IF NOT EXISTS later (id int PRIMARY KEY);", ..wrong };
    cql.migrate(&[mended]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_was_prepared_before_a_migration_reads_right_after_it() {
    let keyspace = fresh_keyspace().await;
    let cql = connect(&keyspace).await;
    cql.migrate(&[COUNTERS]).await.unwrap();
    let read = cql.prepare(Purpose::Read, "SELECT sort, body FROM counters WHERE id = ?").await.unwrap();
    let write = "INSERT INTO counters (id, sort, body) VALUES (?, ?, ?)";
    let write = cql.prepare(Purpose::Write, write).await.unwrap();
    cql.write(&write, (1, 2, "before")).await.unwrap();
    // By its name it would be the first of the columns that are neither key nor static.
    let added =
        Migration { version: 2, name: "added", text: "ALTER TABLE counters ADD added text;", ..COUNTERS };
    cql.migrate(&[COUNTERS, added]).await.unwrap();
    cql.write(&write, (1, 3, "after")).await.unwrap();
    let rows = cql.rows(&read, (1,)).await.unwrap();
    let rows: Vec<_> = rows.rows::<(i32, String)>().unwrap().map(Result::unwrap).collect();
    assert_eq!(rows, [(2, "before".to_owned()), (3, "after".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conditional_batch_happens_whole_or_tells_what_is_there() {
    let (_keyspace, cql) = counters().await;
    let first = "UPDATE counters SET rev = ? WHERE id = ? IF rev = null";
    let first = cql.prepare(Purpose::Cas, first).await.unwrap();
    let row =
        cql.prepare(Purpose::Cas, "INSERT INTO counters (id, sort, body) VALUES (?, ?, ?)").await.unwrap();
    let batch = |sort, body: &str| {
        let body = Some(CqlValue::Text(body.to_owned()));
        [first.bind(vec![Some(CqlValue::BigInt(1)), int(7)]), row.bind(vec![int(7), int(sort), body])]
    };
    assert_eq!(cql.cas_batch(&batch(1, "one")).await.unwrap(), Cas::Applied);
    let Cas::Refused(current) = cql.cas_batch(&batch(2, "two")).await.unwrap() else {
        panic!("applied twice")
    };
    assert_eq!(current.get("rev"), Some(&CqlValue::BigInt(1)));
    let read =
        cql.prepare(Purpose::Decide, "SELECT rev, sort, body FROM counters WHERE id = ?").await.unwrap();
    let rows = cql.rows(&read, (7,)).await.unwrap();
    let rows: Vec<_> = rows.rows::<(i64, i32, String)>().unwrap().map(Result::unwrap).collect();
    assert_eq!(rows, [(1, 1, "one".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_write_to_a_missing_row_tells_that_there_is_none() {
    let (_keyspace, cql) = counters().await;
    let second = "UPDATE counters SET rev = 2 WHERE id = ? IF rev = 1";
    let second = cql.prepare(Purpose::Cas, second).await.unwrap();
    let Cas::Refused(current) = cql.cas(&second, (9,)).await.unwrap() else { panic!("applied to nothing") };
    assert_eq!(current.get("rev"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_time_left_is_not_even_sent() {
    let (_keyspace, cql) = counters().await;
    let read = cql.prepare(Purpose::Read, "SELECT id FROM counters WHERE id = ?").await.unwrap();
    let past = Deadline::after(Duration::ZERO).unwrap();
    let cut = deadline::scope(past, cql.rows(&read, (1,))).await.unwrap_err();
    assert!(matches!(cut, CqlError::Refused(_)), "{cut:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_cluster_does_not_understand_is_refused_for_sure() {
    let (_keyspace, cql) = counters().await;
    let refused = cql.prepare(Purpose::Read, "SELECT nothing FROM counters").await.unwrap_err();
    assert!(!refused.is_unknown(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_would_break_out_of_a_statement_is_refused() {
    let config = CqlConfig::plain(vec!["127.0.0.1:1".to_owned()], "x; DROP KEYSPACE y");
    assert!(matches!(Cql::connect(&config).await, Err(ConnectError::Name(_))));
}
