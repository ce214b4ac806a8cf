//! Reads: fresh, many at once, and answered to the last one.

use std::{num::NonZeroUsize, sync::mpsc};

use redb::ReadableDatabase as _;
use service_kit::embedded::{Engine, EngineConfig, StorageError};

use super::{NUMBERS, list, open, put};

fn small(folder: &std::path::Path) -> Engine {
    let one = NonZeroUsize::MIN;
    let config = EngineConfig { readers: one, queue_reads_max: one, ..EngineConfig::default() };
    Engine::open(&folder.join("small.redb"), config).expect("open")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_sees_every_write_that_was_answered_before_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let all = (0..64).map(|n| {
        let engine = engine.clone();
        tokio::spawn(async move {
            for round in 0..20 {
                let number = n * 100 + round;
                engine.write(put(number)).await.unwrap();
                let seen = engine.read(move |txn| Ok(txn.open_table(NUMBERS)?.get(number)?.is_some())).await;
                assert!(seen.unwrap(), "{number} was written and is not there");
            }
        })
    });
    for one in futures_util::future::join_all(all).await {
        one.unwrap();
    }
}

#[tokio::test]
async fn more_reads_than_fit_wait_for_room_and_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let engine = small(folder.path());
    engine.write(put(1)).await.unwrap();
    let (release, held) = mpsc::channel::<()>();
    let slow = engine.read(move |_| {
        let _ = held.recv();
        Ok(())
    });
    let many = futures_util::future::join_all((0..50).map(|_| engine.read(list)));
    let (mut slow, mut many) = (Box::pin(slow), Box::pin(many));
    assert!(futures_util::poll!(&mut slow).is_pending());
    assert!(futures_util::poll!(&mut many).is_pending());
    drop(release);
    slow.await.unwrap();
    assert!(many.await.into_iter().all(|read| read.unwrap() == [1]));
}

#[tokio::test]
async fn reads_that_wait_when_the_store_closes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let engine = small(folder.path());
    engine.write(put(1)).await.unwrap();
    engine.close().await.unwrap();
    for read in futures_util::future::join_all((0..10).map(|_| engine.read(list))).await {
        assert!(matches!(read, Err(StorageError::Closed)), "{read:?}");
    }
    // Nobody holds the file any more.
    drop(engine);
    let database = redb::Database::open(folder.path().join("small.redb")).unwrap();
    assert!(database.begin_read().unwrap().open_table(NUMBERS).is_ok());
}
