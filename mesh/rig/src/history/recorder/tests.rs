use std::thread;

use super::*;
use crate::history::{Balance, read};

fn get(user_id: &str) -> Call {
    Call::GetUser { user_id: user_id.to_owned() }
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let recorder = Recorder::create(&path, 7, 2).unwrap();
    let op = recorder.invoke(1, get("u"));
    recorder.fault("kill", "stack");
    recorder.info(op, "UNAVAILABLE");
    let op = recorder.invoke(1, get("u"));
    recorder.fail(op, "NOT_FOUND", "USER_NOT_FOUND");
    let op = recorder.invoke(1, Call::DeleteUser { request_id: "r".to_owned(), user_id: "u".to_owned() });
    recorder.ok(op, Answer::Deleted);
    recorder.quiet(vec!["outbox".to_owned()]);
    let balance = Balance {
        user_id: "u".to_owned(),
        currency: "EUR".to_owned(),
        held_minor: 1,
        captured_minor: 2,
        refunding_minor: 3,
        refunded_minor: 4,
        available_minor: -5,
    };
    recorder.found(Found::Balance(balance.clone()));
    assert_eq!(recorder.finish().unwrap(), 11);
    let history = read(&path).unwrap();
    assert_eq!(history.note(), None);
    let [start, .., Record::Quiet { left, .. }, found, end] = history.records() else {
        panic!("{history:?}")
    };
    assert_eq!((start, end), (&Record::Start { seed: 7, clients: 2 }, &Record::End { lines: 10 }));
    assert_eq!(
        (left.as_slice(), found),
        (["outbox".to_owned()].as_slice(), &Record::Found(Found::Balance(balance)))
    );
}

#[test]
fn lines_of_many_threads_are_numbered_once_and_in_the_order_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let recorder = Recorder::create(&path, 0, 8).unwrap();
    thread::scope(|scope| {
        for client in 0..8 {
            let recorder = recorder.clone();
            scope.spawn(move || {
                for _ in 0..500 {
                    let op = recorder.invoke(client, get("u"));
                    recorder.info(op, "UNAVAILABLE");
                }
            });
        }
    });
    assert_eq!(recorder.finish().unwrap(), 8_002);
    let (mut ops, mut last) = (Vec::new(), 0);
    for record in read(&path).unwrap().records() {
        let t = match record {
            Record::Invoke { op, t, .. } => {
                ops.push(*op);
                *t
            }
            Record::Info { t, .. } => *t,
            // The beginning and the end have no time.
            _ => last,
        };
        assert!(last <= t, "{record:?}");
        last = t;
    }
    assert!(ops.into_iter().eq(1..=4_000));
}

#[test]
fn a_disk_that_is_full_is_told_at_the_end() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let recorder = Recorder::to(Full, 0, 1).unwrap();
    for _ in 0..100_000 {
        recorder.invoke(0, get("u"));
    }
    assert!(
        matches!(recorder.finish(), Err(RecordError::Write(error)) if error.kind() == io::ErrorKind::StorageFull)
    );
    assert!(matches!(recorder.finish(), Err(RecordError::Finished)));
}

#[test]
fn a_history_that_nobody_finishes_has_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let recorder = Recorder::create(&path, 7, 1).unwrap();
    recorder.fault("kill", "stack");
    let writer = recorder.desk().pen.take().unwrap();
    drop((recorder, writer.lines));
    assert_eq!(writer.writer.join().unwrap().unwrap(), 2);
    assert!(matches!(read(&path).unwrap().records(), [_, Record::Fault { .. }]));
}
