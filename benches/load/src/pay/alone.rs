//! redb alone: the rows of the same payments, without anything around them.

use std::path::Path;

use anyhow::Context as _;
use redb::{Database, TableDefinition, WriteTransaction};
use tokio::time::Instant;
use uuid::Uuid;

use super::{rows::Rows, through::Commits};

type OperationKey = ([u8; 16], u32);

const ANSWERS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("answers");
const BY_EXPIRY: TableDefinition<'_, (u64, [u8; 32]), ()> = TableDefinition::new("by_expiry");
const BOOKS: TableDefinition<'_, [u8; 19], &[u8]> = TableDefinition::new("books");
const PAYMENTS: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("payments");
const BY_USER: TableDefinition<'_, ([u8; 16], [u8; 16]), ()> = TableDefinition::new("payments_by_user");
const OPERATIONS: TableDefinition<'_, OperationKey, &[u8]> = TableDefinition::new("operations");
const OPEN: TableDefinition<'_, OperationKey, ()> = TableDefinition::new("open");
const TRANSFERS: TableDefinition<'_, ([u8; 19], u64), &[u8]> = TableDefinition::new("transfers");
const PENDING: TableDefinition<'_, OperationKey, &[u8]> = TableDefinition::new("pending");
const OUTBOX: TableDefinition<'_, (u64, u128), &[u8]> = TableDefinition::new("outbox");
const READY: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("ready");
const ITEMS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("items");
const ITEMS_BY_USER: TableDefinition<'_, (u128, u64, u128), ()> = TableDefinition::new("items_by_user");
const DUE: TableDefinition<'_, (u64, u128), ()> = TableDefinition::new("due");

/// The provider's.
const TRANSACTIONS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("transactions");
const BY_KEY: TableDefinition<'_, &str, u64> = TableDefinition::new("by_key");
const ACCOUNTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("accounts");

/// Writes one kind of rows of some payments.
type Step = fn(&WriteTransaction, &[Paid<'_>]) -> Result<(), redb::Error>;

/// The steps of one payment's rows in the services' store; in the stack each is committed with the same step of
/// others.
const STEPS: [Step; 6] = [create, authorized, captured, publish, receipt, sent];
/// And in the provider's.
const PROVIDER_STEPS: [Step; 2] = [authorize, capture];

/// What is written of one payment: keys as the stack makes them, values of the size it writes.
struct Paid<'a> {
    number: u64,
    id: [u8; 16],
    book: [u8; 19],
    book_version: u64,
    user: [u8; 16],
    request: [u8; 32],
    events: [u128; 2],
    notification: u128,
    at: u64,
    rows: &'a Rows,
}

/// Writes every row of `count` payments of `users` users in as many commits as the stack needed for each of its two
/// files, both files at once as the stack does; answers the seconds that took.
pub(super) fn run(
    folder: &Path,
    count: usize,
    users: usize,
    rows: &Rows,
    commits: Commits,
) -> anyhow::Result<f64> {
    std::fs::create_dir(folder)?;
    let payments: Vec<_> = (0..count).map(|number| paid(number, users, rows)).collect();
    let open = |file: &str| {
        let mut builder = Database::builder();
        builder.set_cache_size(16 << 20);
        builder.create(folder.join(file)).context("cannot make redb's file")
    };
    let (services, provider) = (open("services.redb")?, open("provider.redb")?);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let provider = scope.spawn(|| write(&provider, &payments, &PROVIDER_STEPS, commits.provider));
        write(&services, &payments, &STEPS, commits.services)?;
        provider.join().map_err(|_| anyhow::anyhow!("the provider's half panicked"))?
    })?;
    Ok(start.elapsed().as_secs_f64())
}

/// Writes all steps of all payments, in about so many commits.
fn write(database: &Database, payments: &[Paid<'_>], steps: &[Step], commits: u64) -> anyhow::Result<()> {
    let commits_per_step = usize::try_from(commits)?.div_ceil(steps.len()).max(1);
    for group in payments.chunks(payments.len().div_ceil(commits_per_step).max(1)) {
        for step in steps {
            let transaction = database.begin_write()?;
            step(&transaction, group)?;
            transaction.commit()?;
        }
    }
    Ok(())
}

fn paid(number: usize, users: usize, rows: &Rows) -> Paid<'_> {
    let named =
        |what: &str, number: usize| Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{what}{number}").as_bytes());
    let at = 1_700_000_000_000 + number as u64 / 8;
    let id = uuid::Builder::from_unix_timestamp_millis(
        at,
        &named("payment", number).as_bytes()[..10].try_into().unwrap_or_default(),
    );
    let user = named("user", number % users).into_bytes();
    let mut book = [b'E'; 19];
    book[..16].copy_from_slice(&user);
    let mut request = [0; 32];
    request[..16].copy_from_slice(named("request", number).as_bytes());
    Paid {
        number: number as u64,
        id: id.into_uuid().into_bytes(),
        book,
        book_version: 3 * (number / users) as u64,
        user,
        request,
        events: [named("authorized", number).as_u128(), named("captured", number).as_u128()],
        notification: named("notification", number).as_u128(),
        at,
        rows,
    }
}

fn create(txn: &WriteTransaction, payments: &[Paid<'_>]) -> Result<(), redb::Error> {
    let (mut answers, mut by_expiry) = (txn.open_table(ANSWERS)?, txn.open_table(BY_EXPIRY)?);
    let mut by_user = txn.open_table(BY_USER)?;
    for paid in payments {
        answers.insert(paid.request, paid.rows.answer.as_slice())?;
        by_expiry.insert((paid.at, paid.request), ())?;
        by_user.insert((paid.user, paid.id), ())?;
    }
    change(txn, payments, None, Some(1))
}

fn authorized(txn: &WriteTransaction, payments: &[Paid<'_>]) -> Result<(), redb::Error> {
    let (mut transfers, mut pending) = (txn.open_table(TRANSFERS)?, txn.open_table(PENDING)?);
    let mut outbox = txn.open_table(OUTBOX)?;
    for paid in payments {
        transfers.insert((paid.book, paid.book_version + 2), paid.rows.transfer.as_slice())?;
        pending.insert((paid.id, 1), paid.rows.transfer.as_slice())?;
        outbox.insert((paid.at, paid.events[0]), paid.rows.envelope.as_slice())?;
    }
    change(txn, payments, Some(1), Some(2))
}

fn captured(txn: &WriteTransaction, payments: &[Paid<'_>]) -> Result<(), redb::Error> {
    let (mut transfers, mut pending) = (txn.open_table(TRANSFERS)?, txn.open_table(PENDING)?);
    let mut outbox = txn.open_table(OUTBOX)?;
    for paid in payments {
        transfers.insert((paid.book, paid.book_version + 3), paid.rows.transfer.as_slice())?;
        pending.remove((paid.id, 1))?;
        outbox.insert((paid.at, paid.events[1]), paid.rows.envelope.as_slice())?;
    }
    change(txn, payments, Some(2), None)
}

/// What every step of a payment writes: its book, itself, and the operations that end and begin.
fn change(
    txn: &WriteTransaction,
    payments: &[Paid<'_>],
    ends: Option<u32>,
    begins: Option<u32>,
) -> Result<(), redb::Error> {
    let (mut books, mut kept) = (txn.open_table(BOOKS)?, txn.open_table(PAYMENTS)?);
    let (mut operations, mut open) = (txn.open_table(OPERATIONS)?, txn.open_table(OPEN)?);
    for paid in payments {
        books.insert(paid.book, paid.rows.book.as_slice())?;
        kept.insert(paid.id, paid.rows.payment.as_slice())?;
        if let Some(seq) = ends {
            operations.insert((paid.id, seq), paid.rows.operation.as_slice())?;
            open.remove((paid.id, seq))?;
        }
        if let Some(seq) = begins {
            operations.insert((paid.id, seq), paid.rows.operation.as_slice())?;
            open.insert((paid.id, seq), ())?;
        }
    }
    Ok(())
}

fn publish(txn: &WriteTransaction, payments: &[Paid<'_>]) -> Result<(), redb::Error> {
    let (mut outbox, mut ready) = (txn.open_table(OUTBOX)?, txn.open_table(READY)?);
    for paid in payments {
        ready.insert((0, paid.number), paid.rows.envelope.as_slice())?;
        for event in paid.events {
            outbox.remove((paid.at, event))?;
        }
    }
    Ok(())
}

fn receipt(txn: &WriteTransaction, payments: &[Paid<'_>]) -> Result<(), redb::Error> {
    let (mut items, mut by_user) = (txn.open_table(ITEMS)?, txn.open_table(ITEMS_BY_USER)?);
    let (mut due, mut ready) = (txn.open_table(DUE)?, txn.open_table(READY)?);
    for paid in payments {
        items.insert(paid.notification, paid.rows.item.as_slice())?;
        by_user.insert((u128::from_be_bytes(paid.user), paid.at, paid.notification), ())?;
        due.insert((paid.at, paid.notification), ())?;
        ready.remove((0, paid.number))?;
    }
    Ok(())
}

fn sent(txn: &WriteTransaction, payments: &[Paid<'_>]) -> Result<(), redb::Error> {
    let (mut items, mut due) = (txn.open_table(ITEMS)?, txn.open_table(DUE)?);
    for paid in payments {
        due.remove((paid.at, paid.notification))?;
        items.insert(paid.notification, paid.rows.item.as_slice())?;
    }
    Ok(())
}

fn authorize(txn: &WriteTransaction, payments: &[Paid<'_>]) -> Result<(), redb::Error> {
    transact(txn, payments, 1)
}

fn capture(txn: &WriteTransaction, payments: &[Paid<'_>]) -> Result<(), redb::Error> {
    transact(txn, payments, 2)
}

fn transact(txn: &WriteTransaction, payments: &[Paid<'_>], seq: u64) -> Result<(), redb::Error> {
    let (mut transactions, mut by_key) = (txn.open_table(TRANSACTIONS)?, txn.open_table(BY_KEY)?);
    let mut accounts = txn.open_table(ACCOUNTS)?;
    for paid in payments {
        let payment = Uuid::from_bytes(paid.id).to_string();
        let place = 2 * paid.number + seq;
        transactions.insert(place, paid.rows.transaction.as_slice())?;
        by_key.insert(format!("{payment}:{seq}").as_str(), place)?;
        accounts.insert(payment.as_str(), paid.rows.account.as_slice())?;
    }
    Ok(())
}
