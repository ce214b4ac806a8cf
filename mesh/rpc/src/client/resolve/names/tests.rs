use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;

use super::{
    super::{Answer, Unresolved},
    *,
};
use crate::{
    client::{
        ChannelConfig,
        balance::{Absent, doubles::wires},
        dial::{Dial, Opened},
        resolve,
    },
    wire::ClientSettings,
};

/// A network that answers what it was told to, one after the other, and then no more.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    answers: VecDeque<Result<Answer, Unresolved>>,
    asked: Vec<Instant>,
}

impl Dial for Script {
    fn resolve<'a>(&'a self, _: &'a DnsName) -> BoxFuture<'a, Result<Answer, Unresolved>> {
        let mut told = self.0.lock().unwrap();
        told.asked.push(Instant::now());
        match told.answers.pop_front() {
            Some(answer) => Box::pin(async { answer }),
            None => Box::pin(std::future::pending()),
        }
    }

    fn open<'a>(&'a self, _: &'a Address, _: &'a ClientSettings) -> BoxFuture<'a, Result<Opened, String>> {
        Box::pin(std::future::pending())
    }
}

fn address(port: u16) -> SocketAddr {
    ([10, 0, 0, 1], port).into()
}

fn answer(ports: &[u16], ttl: Option<u64>) -> Result<Answer, Unresolved> {
    let endpoints = ports.iter().map(|port| Address::Ip(address(*port))).collect();
    Ok(Answer { endpoints, ttl: ttl.map(Duration::from_secs) })
}

/// A name that is followed.
struct Followed {
    script: Script,
    directory: Arc<Directory>,
}

fn follow(target: &str, answers: impl IntoIterator<Item = Result<Answer, Unresolved>>) -> Followed {
    let script = Script::default();
    script.0.lock().unwrap().answers.extend(answers);
    let wires = wires(script.clone(), ChannelConfig::default());
    let directory = Arc::new(Directory::new(target.parse().unwrap(), wires));
    tokio::spawn(resolve::follow(Arc::clone(&directory)));
    Followed { script, directory }
}

impl Followed {
    fn ports(&self) -> Vec<u16> {
        self.directory.snapshot().members.all.iter().map(|endpoint| endpoint.key().port()).collect()
    }

    /// The waits between questions, in milliseconds.
    fn waits(&self) -> Vec<u128> {
        let asked = &self.script.0.lock().unwrap().asked;
        asked.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect()
    }

    fn cause(&self) -> Option<String> {
        match &self.directory.snapshot().absent {
            Absent::Failed(error) => Some(error.to_string()),
            Absent::Coming => None,
        }
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_is_asked_for_again_when_its_ttl_is_over() {
    let name =
        follow("dns:///a.test:1", [answer(&[1], Some(5)), answer(&[1, 2], Some(0)), answer(&[2], None)]);
    pass(1).await;
    assert_eq!(name.ports(), [1]);
    pass(5).await;
    assert_eq!(name.ports(), [1, 2]);
    // Not more than once a second, whatever the TTL is.
    pass(1).await;
    assert_eq!(name.ports(), [2]);
    pass(60).await;
    let waits = name.waits();
    assert!((5_000..=5_501).contains(&waits[0]), "{waits:?}");
    assert!((1_000..=1_001).contains(&waits[1]), "{waits:?}");
    assert!((27_000..=30_001).contains(&waits[2]), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_known_stays_while_nobody_can_tell() {
    let failures = (0..6).map(|_| Err(Unresolved::ServerFailed("Server Failure".to_owned())));
    let answers = [answer(&[1], Some(1))].into_iter().chain(failures).chain([answer(&[2], None)]);
    let name = follow("dns:///a.test:1", answers);
    // 0.1 + 0.16 + .. + 1.05 s, give or take a fifth: the last failure is three seconds old at most.
    pass(2).await;
    assert_eq!(name.ports(), [1]);
    pass(4).await;
    assert_eq!(name.ports(), [2]);
}

#[tokio::test(start_paused = true)]
async fn why_there_is_no_endpoint_tells_a_wrong_name_from_a_wrong_server() {
    for (failure, said) in [
        (Unresolved::NoSuchName, "no endpoint for dns:///a.test:1: the name does not exist"),
        (
            Unresolved::ServerFailed("Server Failure".to_owned()),
            "no endpoint for dns:///a.test:1: the name server cannot tell: Server Failure",
        ),
        (Unresolved::NoRecords("SRV"), "no endpoint for dns:///a.test:1: the name has no SRV records"),
    ] {
        let name = follow("dns:///a.test:1", [Err(failure)]);
        assert_eq!(name.cause(), None, "nobody has said yet");
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(name.cause().unwrap(), said);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_a_failure_too() {
    let name = follow("dns:///a.test:1", []);
    pass(6).await;
    assert!(name.cause().unwrap().ends_with("no answer within 5s"));
    pass(3).await;
    assert_eq!(name.waits().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_makes_the_question_sooner_but_not_more_than_one_a_second() {
    let name = follow("dns:///a.test:1", (0..20).map(|_| answer(&[1], Some(20))));
    tokio::time::sleep(Duration::from_millis(10)).await;
    for _ in 0..50 {
        name.directory.wires.trouble.notify_one();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let waits = name.waits();
    assert!((4..=6).contains(&waits.len()), "{waits:?}");
    assert!(waits.iter().all(|wait| (1_000..1_102).contains(wait)), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_an_address() {
    for (target, at) in [("dns:///10.0.0.1:7", "10.0.0.1:7"), ("dns:///[::1]:7", "[::1]:7")] {
        let name = follow(target, []);
        pass(100).await;
        assert_eq!(name.directory.snapshot().members.all[0].key(), at.parse().unwrap());
        assert!(name.script.0.lock().unwrap().asked.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_whose_further_addresses_change_is_the_same_endpoint() {
    let host = |six: &str| Address::of_one_server(vec![address(1), six.parse().unwrap()]).unwrap();
    let both = |six| Ok(Answer { endpoints: vec![host(six)], ttl: Some(Duration::from_secs(1)) });
    let name = follow("dns:///a.test:1", [both("[::1]:1"), both("[::2]:1"), answer(&[1], Some(1))]);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let first = Arc::clone(&name.directory.snapshot().members.all[0]);
    pass(4).await;
    assert_eq!(name.waits().len(), 3);
    assert!(Arc::ptr_eq(&first, &name.directory.snapshot().members.all[0]));
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_closed_asks_no_more() {
    let name = follow("dns:///a.test:1", (0..20).map(|_| answer(&[1], Some(1))));
    pass(3).await;
    name.directory.close();
    pass(1).await;
    let asked = name.waits().len();
    pass(10).await;
    assert_eq!(name.waits().len(), asked);
    assert!(name.ports().is_empty());
}
