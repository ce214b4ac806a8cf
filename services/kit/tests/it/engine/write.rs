//! Writes: durable, in order, together.

use std::{convert::Infallible, sync::mpsc};

use redb::ReadableTable;
use service_kit::embedded::{StorageError, WriteError};

use super::{NUMBERS, list, open, put};

#[tokio::test]
async fn what_is_answered_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    for n in 0..10 {
        assert_eq!(engine.write(put(n)).await.unwrap(), n);
    }
    assert_eq!(engine.read(list).await.unwrap(), (0..10).collect::<Vec<_>>());
    engine.close().await.unwrap();
    let engine = open(folder.path());
    assert_eq!(engine.read(list).await.unwrap(), (0..10).collect::<Vec<_>>());
}

/// Holds the writer in a job until the returned sender is dropped, so that a group gathers behind it.
fn hold(engine: &service_kit::embedded::Engine) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let engine = engine.clone();
    tokio::spawn(async move {
        let job = move |_: &redb::WriteTransaction| {
            let _ = held.recv();
            Ok(Ok::<_, Infallible>(()))
        };
        engine.write(job).await.expect("the held job");
    });
    release
}

#[tokio::test]
async fn writes_that_wait_together_share_one_commit_and_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine.write(put(0)).await.unwrap();
    let release = hold(&engine);
    tokio::task::yield_now().await;
    let before = engine.stats();
    // Each job reads what the one before it wrote: the next number is the last one plus one. Fewer than 128,
    // because a task of the runtime gives way after as many steps.
    let writes = (0..100).map(|_| {
        engine.write(|txn| {
            let mut numbers = txn.open_table(NUMBERS)?;
            let next = numbers.last()?.map_or(0, |(n, _)| n.value() + 1);
            numbers.insert(next, next)?;
            Ok(Ok::<_, Infallible>(next))
        })
    });
    let mut writes = Box::pin(futures_util::future::join_all(writes));
    // Polled once: all of them stand in the queue.
    assert!(futures_util::poll!(&mut writes).is_pending());
    drop(release);
    let answers: Vec<_> = writes.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, (1..=100).collect::<Vec<_>>());
    let after = engine.stats();
    assert_eq!(after.jobs - before.jobs, 101);
    assert!(after.commits - before.commits <= 2, "{before:?} {after:?}");
}

#[tokio::test]
async fn a_refusal_writes_nothing_and_costs_no_commit() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine.write(put(1)).await.unwrap();
    let file = || std::fs::read(folder.path().join("test.redb")).unwrap();
    let before = (engine.stats().commits, file());
    for _ in 0..3 {
        let refused = engine
            .write(|txn| {
                let is_taken = txn.open_table(NUMBERS)?.get(1)?.is_some();
                Ok(if is_taken { Err("taken") } else { Ok(()) })
            })
            .await;
        assert!(matches!(refused, Err(WriteError::Refused("taken"))), "{refused:?}");
    }
    assert!((engine.stats().commits, file()) == before, "something was written");
    assert_eq!(engine.read(list).await.unwrap(), [1]);
}

#[tokio::test]
async fn a_refusal_does_not_take_its_neighbours_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let release = hold(&engine);
    let first = engine.write(put(1));
    let refused = engine.write(|_| Ok(Err::<(), _>("no")));
    let last = engine.write(put(2));
    let mut all = Box::pin(async { tokio::join!(first, refused, last) });
    assert!(futures_util::poll!(&mut all).is_pending());
    drop(release);
    let (first, refused, last) = all.await;
    assert!(first.is_ok() && last.is_ok() && refused.is_err());
    assert_eq!(engine.read(list).await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn a_caller_that_goes_away_undoes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let release = hold(&engine);
    {
        let mut gone = Box::pin(engine.write(put(7)));
        assert!(futures_util::poll!(&mut gone).is_pending());
    }
    drop(release);
    engine.write(put(8)).await.unwrap();
    assert_eq!(engine.read(list).await.unwrap(), [7, 8]);
}

#[tokio::test]
async fn a_full_queue_makes_callers_wait_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let one = std::num::NonZeroUsize::MIN;
    let config = service_kit::embedded::EngineConfig {
        queue_jobs_max: one,
        group_jobs_max: one,
        ..Default::default()
    };
    let engine = service_kit::embedded::Engine::open(&folder.path().join("test.redb"), config).unwrap();
    let writes = (0..50).map(|n| engine.write(put(n)));
    for answer in futures_util::future::join_all(writes).await {
        answer.unwrap();
    }
    assert_eq!(engine.read(list).await.unwrap(), (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn closing_finishes_what_was_accepted_and_refuses_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let release = hold(&engine);
    let mut accepted = Box::pin(futures_util::future::join_all((0..20).map(|n| engine.write(put(n)))));
    assert!(futures_util::poll!(&mut accepted).is_pending());
    let mut closing = Box::pin(engine.close());
    assert!(futures_util::poll!(&mut closing).is_pending());
    drop(release);
    assert!(accepted.await.iter().all(Result::is_ok));
    closing.await.unwrap();
    let late = engine.write(put(99)).await;
    assert!(matches!(late, Err(WriteError::Storage(StorageError::Closed))), "{late:?}");
    assert!(matches!(engine.read(list).await, Err(StorageError::Closed)));
    engine.close().await.unwrap();
    let engine = open(folder.path());
    assert_eq!(engine.read(list).await.unwrap(), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn dropping_every_handle_finishes_what_was_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    {
        let release = hold(&engine);
        let mut accepted = Box::pin(engine.write(put(5)));
        assert!(futures_util::poll!(&mut accepted).is_pending());
        drop(release);
    }
    drop(engine);
    // The writer closes the file on its own time; the lock tells when.
    let path = folder.path().join("test.redb");
    let engine = loop {
        match service_kit::embedded::Engine::open(&path, Default::default()) {
            Ok(engine) => break engine,
            Err(service_kit::embedded::OpenError::InUse { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(engine.read(list).await.unwrap(), [5]);
}
