//! A start that has to wait, and one that only migrates.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    process::{Child, Command},
    thread,
};

use mesh_rig::testing::{Keyspace, fresh_keyspace};
use scylla::client::session_builder::SessionBuilder;
use uuid::Uuid;

use super::{
    programs::{NOTIFICATION, PAYMENT, Service, USER},
    servers::Servers,
};
use crate::process::{Ended, command, ended};

/// A port at which nobody listens: that of a service which nobody runs any more.
const NOBODY: &str = "127.0.0.1:1";

/// A program that waits; gone when it is dropped.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program, waits until it says what it waits for, and tells it to stop. Were it to wait on, it would fail
/// in the end.
fn stops_while_it_waits(mut command: Command, wait: &str) {
    let mut program = Waiting(command.spawn().unwrap());
    let mut stderr = BufReader::new(program.0.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(wait) {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "it does not wait: {said}");
    }
    let pid = program.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(program.0.wait().unwrap().code(), Some(0), "{said}");
}

/// What of a program's surroundings is away.
#[derive(Clone, Copy)]
enum Away {
    Store,
    Broker,
}

/// Side by side: each may wait some seconds for an answer before it says so.
#[test]
fn a_start_without_a_store_or_a_broker_ends_when_it_is_told_to() {
    // Takes connections, and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    thread::scope(|cases| {
        for place in [NOBODY, &silent] {
            for service in [USER, PAYMENT, NOTIFICATION] {
                for away in [Away::Store, Away::Broker] {
                    cases.spawn(move || a_service_stops(service, away, place));
                }
            }
            cases.spawn(move || {
                let data = tempfile::tempdir().unwrap();
                let mut stack = command(data.path());
                stack.env("STACK_STORAGE_KIND", "cql").env("STACK_STORAGE_CONTACT_POINTS", place);
                stops_while_it_waits(stack, "the store cannot be reached yet");
            });
        }
    });
}

fn a_service_stops(service: Service, away: Away, place: &str) {
    let data = tempfile::tempdir().unwrap();
    let broker = format!("amqp://guest:guest@{place}/%2f");
    let (settings, wait) = match away {
        Away::Store => {
            ([("STORAGE_KIND", "cql"), ("STORAGE_CONTACT_POINTS", place)], "the store cannot be reached yet")
        }
        Away::Broker => {
            ([("STORAGE_KIND", "embedded"), ("BUS_URI", broker.as_str())], "the broker cannot be reached yet")
        }
    };
    stops_while_it_waits(service.command(data.path(), &settings), wait);
    assert_eq!(service.pid(data.path()), None, "a number that may be somebody else's by now");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_migrations_at_once_or_again_make_the_same_tables() {
    let data = tempfile::tempdir().unwrap();
    for service in [USER, PAYMENT, NOTIFICATION] {
        let keyspace = fresh_keyspace().await;
        // The broker has no part in it.
        let servers = Servers::new(&keyspace, &format!("amqp://guest:guest@{NOBODY}/%2f"));
        let begin = || {
            let mut command = service.command(data.path(), &servers.settings());
            command.arg("--migrate-only").spawn().unwrap()
        };
        let at_once = [begin(), begin()];
        let mut tables = Vec::new();
        for migration in at_once {
            let Ended { status, stderr } = ended(migration);
            assert_eq!(status.code(), Some(0), "{stderr}");
        }
        tables.push(schema(&keyspace).await);
        let Ended { status, stderr } = ended(begin());
        assert_eq!(status.code(), Some(0), "{stderr}");
        tables.push(schema(&keyspace).await);
        assert_eq!(tables[0], tables[1]);
        assert!(tables[0].len() > 4, "{tables:?}");
    }
}

/// The tables of a keyspace, and which schema they have.
async fn schema(keyspace: &Keyspace) -> BTreeSet<(String, Uuid)> {
    let session = SessionBuilder::new().known_nodes(keyspace.contact_points()).build().await.unwrap();
    let tables = "SELECT table_name, id FROM system_schema.tables WHERE keyspace_name = ?";
    let found = session.query_unpaged(tables, (keyspace.name(),)).await.unwrap();
    found.into_rows_result().unwrap().rows().unwrap().map(Result::unwrap).collect()
}
