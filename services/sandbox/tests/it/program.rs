//! The program: what it says, how it stops, and that `kill -9` takes nothing that it answered.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use proto::provider::v1::{Kind, Status};
use tonic::Code;

use crate::{
    bench::{Asker, order, told, until, with},
    webhook::{Listening, port},
};

/// A running program. Dropping it is `kill -9`.
struct Program {
    child: Child,
    asker: Asker,
}

impl Program {
    /// Starts it on a free port and waits until it is ready.
    fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_provider-sandbox"))
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines: Vec<String> = lines.take(3).map(Result::unwrap).collect();
        assert_eq!(lines[0], "ready");
        let address: SocketAddr = lines[1].trim().strip_prefix("provider").unwrap().trim().parse().unwrap();
        Self { child, asker: Asker::of(address) }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and what came of it. Waited for elsewhere: the client has to hear the program's goodbye.
    async fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_kill_takes_nothing_that_was_answered() {
    let data = tempfile::tempdir().unwrap();
    let mut answers = Vec::new();
    for round in 0..3 {
        let program = Program::start(data.path(), &[]);
        assert_eq!(program.asker.all().await, answers);
        let steps = [
            with("tok_ok", &format!("p{round}:1"), Kind::Authorize, 100),
            with("tok_decline_capture", &format!("p{round}:2"), Kind::Capture, 100),
            with("tok_ok", &format!("p{round}:3"), Kind::Capture, 70),
        ];
        for step in steps {
            answers.push(program.asker.execute(step).await.unwrap());
        }
        program.kill();
    }
    let program = Program::start(data.path(), &[]);
    assert_eq!(program.asker.all().await, answers);
    let again = program.asker.execute(order("p1:3", Kind::Capture, 70)).await.unwrap();
    assert_eq!(again, answers[5]);
    let refused = program.asker.execute(order("p1:4", Kind::Refund, 71)).await.unwrap_err();
    assert_eq!(told(&refused).1, "ABOVE_CAPTURED", "the books are as they were");
    assert!(program.terminate().await.success());
}

#[tokio::test]
async fn a_kill_under_load_takes_nothing_that_was_answered() {
    let data = tempfile::tempdir().unwrap();
    let mut answered = BTreeMap::new();
    for round in 0..4 {
        let program = Program::start(data.path(), &[]);
        let askers = (0..16).map(|asker| {
            let sandbox = program.asker.clone();
            tokio::spawn(async move {
                let mut answered = Vec::new();
                for n in 0.. {
                    let name = format!("p{round}-{asker}-{n}");
                    let steps = [(Kind::Authorize, 100), (Kind::Capture, 90), (Kind::Refund, 80)];
                    for (number, (kind, amount)) in (1..).zip(steps) {
                        match sandbox.execute(order(&format!("{name}:{number}"), kind, amount)).await {
                            Ok(answer) => answered.push(answer),
                            Err(_) => return answered,
                        }
                    }
                }
                answered
            })
        });
        let askers: Vec<_> = askers.collect();
        until(async || program.asker.all().await.len() >= answered.len() + 200).await;
        program.kill();
        for asker in askers {
            answered.extend(asker.await.unwrap().into_iter().map(|answer| (answer.key.clone(), answer)));
        }
    }
    assert!(answered.len() >= 4 * 100);
    let program = Program::start(data.path(), &[]);
    let all = program.asker.all().await;
    let listed: BTreeMap<_, _> = all.iter().map(|listed| (listed.key.clone(), listed)).collect();
    assert_eq!(listed.len(), all.len(), "each key once");
    for (key, answer) in &answered {
        assert_eq!(listed.get(key), Some(&answer));
    }
    assert!(program.terminate().await.success());
}

#[tokio::test]
async fn what_happens_once_happens_once_in_all_lives_of_the_program() {
    let data = tempfile::tempdir().unwrap();
    let fails = with("tok_5xx_once", "p:1", Kind::Authorize, 100);
    let hangs = with("tok_timeout_after_commit", "q:1", Kind::Authorize, 100);
    let program = Program::start(data.path(), &[]);
    let failed = program.asker.execute(fails.clone()).await.unwrap_err();
    assert_eq!(told(&failed), (Code::Internal, "FAILED_ON_PURPOSE".to_owned()));
    let (asker, asked) = (program.asker.clone(), hangs.clone());
    let waiting = tokio::spawn(async move { asker.execute(asked).await });
    until(async || program.asker.lookup("q:1").await.is_some()).await;
    program.kill();
    assert_eq!(waiting.await.unwrap().unwrap_err().code(), Code::Unavailable);
    let program = Program::start(data.path(), &[]);
    for request in [fails, hangs] {
        assert_eq!(program.asker.execute(request).await.unwrap().status(), Status::Settled);
    }
    assert!(program.terminate().await.success());
}

#[tokio::test]
async fn what_was_taken_on_is_settled_and_told_by_the_next_life() {
    let data = tempfile::tempdir().unwrap();
    let (address, listener) = port().await;
    drop(listener);
    let webhook = address.to_string();
    let program = Program::start(data.path(), &["--webhook", &webhook]);
    let pending = with("tok_dup_webhook", "p:1", Kind::Authorize, 100);
    assert_eq!(program.asker.execute(pending).await.unwrap().status(), Status::Pending);
    program.kill();
    // Settled here at the latest, and told to nobody.
    let program = Program::start(data.path(), &["--webhook", &webhook]);
    until(async || program.asker.lookup("p:1").await.unwrap().status() == Status::Settled).await;
    program.kill();
    let ear = Listening::start(tokio::net::TcpListener::bind(address).await.unwrap(), 0);
    let program = Program::start(data.path(), &["--webhook", &webhook]);
    until(async || ear.acknowledged().get("p:1") == Some(&2)).await;
    assert!(program.terminate().await.success());
    ear.stop().await;
}

#[tokio::test]
async fn a_stop_answers_whoever_waits() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &["--slow-by", "700ms"]);
    let asker = program.asker.clone();
    let slow = with("tok_slow", "p:1", Kind::Authorize, 100);
    let waiting = tokio::spawn(async move { asker.execute(slow).await });
    until(async || program.asker.lookup("p:1").await.is_some()).await;
    assert!(program.terminate().await.success());
    assert_eq!(waiting.await.unwrap().unwrap().status(), Status::Settled);
}

#[test]
fn a_port_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_provider-sandbox"));
    let ended = command.args(["--listen", &address, "--data"]).arg(data.path()).output().unwrap();
    assert!(!ended.status.success());
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(told.contains(&format!("cannot listen on {address}")), "{told}");
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0, "nothing was begun");
}
