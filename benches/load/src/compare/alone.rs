//! redb alone: the rows of the same users, without anything around them.

use std::path::Path;

use anyhow::Context as _;
use proto::user::v1::ImportUsersRequest;
use redb::{Database, TableDefinition, WriteTransaction};
use tokio::time::Instant;
use uuid::Uuid;

const USERS: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("users");
const EMAILS: TableDefinition<'_, &str, [u8; 16]> = TableDefinition::new("emails");
const OUTBOX: TableDefinition<'_, (u64, u128), &[u8]> = TableDefinition::new("outbox");
const READY: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("ready");
const PROFILES: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("profiles");
const ITEMS: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("items");
const BY_USER: TableDefinition<'_, ([u8; 16], u64, [u8; 16]), ()> = TableDefinition::new("by_user");
const DUE: TableDefinition<'_, (u64, [u8; 16]), ()> = TableDefinition::new("due");

/// Writes one kind of rows of some people.
type Step = fn(&WriteTransaction, &[Person]) -> Result<(), redb::Error>;

/// The steps of one user's rows; in the stack each is committed with the same step of others.
const STEPS: [Step; 5] = [create, publish, profile, notify, settle];

/// What is written of one user: keys as the stack makes them, values of the size it writes.
struct Person {
    number: u64,
    id: [u8; 16],
    event: u128,
    notification: [u8; 16],
    at: u64,
    email: String,
    user: Vec<u8>,
    envelope: Vec<u8>,
    profile: Vec<u8>,
    item: Vec<u8>,
}

/// Writes every row of `users` in about `commits` commits; answers the seconds that took.
pub(super) fn run(path: &Path, users: &[ImportUsersRequest], commits: u64) -> anyhow::Result<f64> {
    let people: Vec<_> = (0..).zip(users).map(|(number, user)| person(number, user)).collect();
    let mut builder = Database::builder();
    builder.set_cache_size(16 << 20);
    let database = builder.create(path).context("cannot make redb's file")?;
    let commits_per_step = usize::try_from(commits)?.div_ceil(STEPS.len()).max(1);
    let start = Instant::now();
    for group in people.chunks(people.len().div_ceil(commits_per_step).max(1)) {
        for step in STEPS {
            let transaction = database.begin_write()?;
            step(&transaction, group)?;
            transaction.commit()?;
        }
    }
    Ok(start.elapsed().as_secs_f64())
}

fn person(number: u64, user: &ImportUsersRequest) -> Person {
    let email = user.email.trim().to_lowercase();
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, email.as_bytes());
    let (event, notification) = (Uuid::new_v5(&id, b"event"), Uuid::new_v5(&id, b"mail"));
    // Fields of the rows by their size: ids of 18 bytes, times of 7, texts with 2 bytes before them.
    let (mail, name) = (email.len() + 2, user.display_name.len() + 2 + user.locale.len() + 2);
    let filled = |size: usize| vec![number.to_le_bytes()[0]; size];
    Person {
        number,
        id: id.into_bytes(),
        event: event.as_u128(),
        notification: notification.into_bytes(),
        at: 1_700_000_000_000 + number / 16,
        user: filled(1 + 18 + 2 * mail + name + 2 + 14),
        envelope: filled(1 + 18 + 14 + 18 + 2 + 7 + 57 + mail + 100),
        profile: filled(1 + 18 + name + 2 + 14),
        item: filled(1 + 36 + 2 * mail + 9 + 9 + 9 + mail + 25),
        email,
    }
}

fn create(txn: &WriteTransaction, people: &[Person]) -> Result<(), redb::Error> {
    let (mut users, mut emails) = (txn.open_table(USERS)?, txn.open_table(EMAILS)?);
    let mut outbox = txn.open_table(OUTBOX)?;
    for person in people {
        emails.insert(person.email.as_str(), person.id)?;
        users.insert(person.id, person.user.as_slice())?;
        outbox.insert((person.at, person.event), person.envelope.as_slice())?;
    }
    Ok(())
}

fn publish(txn: &WriteTransaction, people: &[Person]) -> Result<(), redb::Error> {
    let (mut outbox, mut ready) = (txn.open_table(OUTBOX)?, txn.open_table(READY)?);
    for person in people {
        for queue in 0..2 {
            ready.insert((queue, person.number), person.envelope.as_slice())?;
        }
        outbox.remove((person.at, person.event))?;
    }
    Ok(())
}

fn profile(txn: &WriteTransaction, people: &[Person]) -> Result<(), redb::Error> {
    let (mut profiles, mut ready) = (txn.open_table(PROFILES)?, txn.open_table(READY)?);
    for person in people {
        profiles.insert(person.id, person.profile.as_slice())?;
        ready.remove((0, person.number))?;
    }
    Ok(())
}

fn notify(txn: &WriteTransaction, people: &[Person]) -> Result<(), redb::Error> {
    let (mut items, mut by_user) = (txn.open_table(ITEMS)?, txn.open_table(BY_USER)?);
    let (mut due, mut ready) = (txn.open_table(DUE)?, txn.open_table(READY)?);
    for person in people {
        items.insert(person.notification, person.item.as_slice())?;
        by_user.insert((person.id, person.at, person.notification), ())?;
        due.insert((person.at, person.notification), ())?;
        ready.remove((1, person.number))?;
    }
    Ok(())
}

fn settle(txn: &WriteTransaction, people: &[Person]) -> Result<(), redb::Error> {
    let (mut items, mut due) = (txn.open_table(ITEMS)?, txn.open_table(DUE)?);
    for person in people {
        due.remove((person.at, person.notification))?;
        items.insert(person.notification, person.item.as_slice())?;
    }
    Ok(())
}
