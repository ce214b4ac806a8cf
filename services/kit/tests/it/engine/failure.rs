//! What fails, fails for good and says so to everybody.

use std::{convert::Infallible, path::Path, process::Command};

use service_kit::embedded::{FailureCause, StorageError, WriteError};

use super::{list, open, put};

#[tokio::test]
async fn a_panic_in_a_write_ends_the_engine_and_writes_nothing_of_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine.write(put(1)).await.unwrap();
    let before = engine.write(put(2));
    let panics = engine.write(|_| -> Result<Result<(), Infallible>, redb::Error> { panic!("a bug") });
    let after = engine.write(put(3));
    let (before, panics, after) = tokio::join!(before, panics, after);
    // The one before may have had a commit of its own. Whoever shares the panic's group, or waits behind it,
    // hears that the outcome is unknown.
    for unknown in [panics.err(), after.map(drop).err()] {
        assert!(matches!(unknown, Some(WriteError::Storage(StorageError::Failed(_)))), "{unknown:?}");
    }
    let failure = engine.failed().await;
    assert!(matches!(&*failure.0, FailureCause::Panic(text) if text == "a bug"), "{failure:?}");
    assert!(matches!(engine.write(put(4)).await, Err(WriteError::Storage(StorageError::Failed(_)))));
    assert!(matches!(engine.read(list).await, Err(StorageError::Failed(_))));
    assert!(engine.close().await.is_err());

    let engine = open(folder.path());
    let expected = if before.is_ok() { vec![1, 2] } else { vec![1] };
    assert_eq!(engine.read(list).await.unwrap(), expected);
}

#[tokio::test]
async fn an_error_of_the_database_ends_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let broken =
        engine.write(|_| Err::<Result<(), Infallible>, _>(redb::Error::Corrupted("here".to_owned())));
    assert!(matches!(broken.await, Err(WriteError::Storage(StorageError::Failed(_)))));
    assert!(!engine.failed().await.is_disk_full());
}

#[tokio::test]
async fn a_panic_in_a_read_ends_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let panicked = engine.read(|_| -> Result<(), redb::Error> { panic!("a bug") }).await;
    assert!(matches!(panicked, Err(StorageError::ReadPanicked(text)) if text == "a bug"));
    engine.write(put(1)).await.unwrap();
    assert_eq!(engine.read(list).await.unwrap(), [1]);
}

/// Names the folder for the child of the test below.
const FULL_DISK_FOLDER: &str = "SERVICE_KIT_FULL_DISK_FOLDER";

/// A limit on the size of files stands for the disk: it needs no rights, and redb sees the same failed write.
#[tokio::test]
async fn a_full_disk_ends_the_engine_and_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close().await.unwrap();
    // An ignored signal stays ignored in the child, so that the limit is an error and not a death.
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "engine::failure::fills_the_disk", "--ignored"])
        .env(FULL_DISK_FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}");
    let answered: u64 = std::fs::read_to_string(folder.path().join("answered")).unwrap().parse().unwrap();
    assert!(answered > 0);
    let engine = open(folder.path());
    let kept = engine.read(list).await.unwrap();
    assert!(kept.len() as u64 >= answered, "{answered} were answered, {} are there", kept.len());
}

#[tokio::test]
#[ignore = "the child of a_full_disk_ends_the_engine_and_loses_nothing_that_was_answered"]
async fn fills_the_disk() {
    let Some(folder) = std::env::var_os(FULL_DISK_FOLDER) else { return };
    let engine = open(Path::new(&folder));
    let mut answered = 0_u64;
    let error = loop {
        let job = move |txn: &redb::WriteTransaction| {
            const FILLER: redb::TableDefinition<'static, u64, &[u8]> =
                redb::TableDefinition::new("test.filler");
            txn.open_table(FILLER)?.insert(answered, &[7_u8; 50_000][..])?;
            txn.open_table(super::NUMBERS)?.insert(answered, answered)?;
            Ok(Ok::<_, Infallible>(()))
        };
        match engine.write(job).await {
            Ok(()) => answered += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, WriteError::Storage(StorageError::Failed(_))), "{error:?}");
    assert!(engine.failed().await.is_disk_full(), "{error:?}");
    std::fs::write(Path::new(&folder).join("answered"), answered.to_string()).unwrap();
}
