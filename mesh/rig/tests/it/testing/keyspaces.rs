//! Keyspaces.

use std::collections::HashSet;

use mesh_rig::testing::{Keyspace, fresh_keyspace, keyspace, sweep};
use scylla::client::{session::Session, session_builder::SessionBuilder};

async fn connect(keyspace: &Keyspace) -> Session {
    let builder = SessionBuilder::new().known_nodes(keyspace.contact_points());
    builder.use_keyspace(keyspace.name(), false).build().await.unwrap()
}

async fn run(session: &Session, text: &str) {
    session.query_unpaged(text, ()).await.unwrap();
}

async fn count(session: &Session, table: &str) -> i64 {
    let found = session.query_unpaged(format!("SELECT COUNT(*) FROM {table}"), ()).await.unwrap();
    found.into_rows_result().unwrap().single_row::<(i64,)>().unwrap().0
}

async fn tables(session: &Session, keyspace: &str) -> i64 {
    let text = format!("SELECT COUNT(*) FROM system_schema.tables WHERE keyspace_name = '{keyspace}'");
    let found = session.query_unpaged(text, ()).await.unwrap();
    found.into_rows_result().unwrap().single_row::<(i64,)>().unwrap().0
}

#[tokio::test]
async fn whoever_holds_one_has_it_alone_and_finds_it_empty() {
    let mut names = HashSet::new();
    for round in 0..6 {
        let keyspace = keyspace().await;
        let session = connect(&keyspace).await;
        run(&session, "CREATE TABLE IF NOT EXISTS rows (id int PRIMARY KEY)").await;
        run(&session, "CREATE TABLE IF NOT EXISTS schema_migrations (id int PRIMARY KEY)").await;
        assert_eq!(count(&session, "rows").await, 0, "round {round}");
        let is_known = !names.insert(keyspace.name().to_owned());
        assert_eq!(count(&session, "schema_migrations").await, i64::from(is_known), "round {round}");
        run(&session, "INSERT INTO rows (id) VALUES (1)").await;
        run(&session, "INSERT INTO rows (id) VALUES (2) IF NOT EXISTS").await;
        run(&session, "INSERT INTO schema_migrations (id) VALUES (1)").await;
    }
    assert!(names.len() < 6, "none was lent twice: {names:?}");
    let (one, other) = tokio::join!(keyspace(), keyspace());
    assert_ne!(one.name(), other.name());
}

#[tokio::test]
async fn a_fresh_one_has_no_table_and_is_gone_afterwards() {
    let keyspace = fresh_keyspace().await;
    let session = connect(&keyspace).await;
    let name = keyspace.name().to_owned();
    assert_eq!(tables(&session, &name).await, 0);
    run(&session, "CREATE TABLE rows (id int PRIMARY KEY)").await;
    drop(keyspace);
    while tables(&session, &name).await > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_dead_process_left_is_swept_and_nothing_else() {
    let mine = keyspace().await;
    let session = connect(&mine).await;
    // No process gets such a number; two such runs at once may sweep for each other.
    run(
        &session,
        "CREATE KEYSPACE IF NOT EXISTS test_4194305_1 WITH replication = \
         {'class': 'NetworkTopologyStrategy', 'replication_factor': 1}",
    )
    .await;
    sweep().await.unwrap();
    let text = "SELECT keyspace_name FROM system_schema.keyspaces";
    let found = session.query_unpaged(text, ()).await.unwrap().into_rows_result().unwrap();
    let names: Vec<String> = found.rows::<(String,)>().unwrap().map(|row| row.unwrap().0).collect();
    assert!(names.iter().any(|name| name == mine.name()), "{names:?}");
    assert!(names.iter().any(|name| name == "system"), "{names:?}");
    assert!(!names.iter().any(|name| name == "test_4194305_1"), "{names:?}");
}
