//! Against a name server that is a socket of this very process.

use std::{
    collections::BTreeMap,
    str::FromStr as _,
    sync::{Arc, Mutex},
};

use hickory_resolver::proto::{
    op::{Message, OpCode},
    rr::{Name, Record, RecordType, rdata::A, rdata::AAAA},
};
use tokio::net::UdpSocket;

use super::*;

type Zone = BTreeMap<(String, RecordType), Vec<(u32, RData)>>;

/// Answers from its zone; what begins with `broken` is SERVFAIL, and what it does not know NXDOMAIN.
struct NameServer {
    at: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

impl NameServer {
    async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (at, zone) = (socket.local_addr().unwrap(), Arc::new(Mutex::new(Zone::new())));
        let known = Arc::clone(&zone);
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let question = Message::from_vec(&buffer[..length]).unwrap();
                let answer = answer(&question, &known.lock().unwrap());
                socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
            }
        });
        Self { at, zone }
    }

    fn has(&self, name: &str, ttl: u32, data: RData) {
        let key = (name.to_owned(), data.record_type());
        self.zone.lock().unwrap().entry(key).or_default().push((ttl, data));
    }

    async fn ask(&self, host: &str, port: Option<u16>) -> Result<Answer, Unresolved> {
        ask(&DnsName { server: Some(self.at), host: host.to_owned(), port }).await
    }
}

fn answer(question: &Message, zone: &Zone) -> Message {
    let query = question.queries[0].clone();
    let name = query.name().to_utf8().to_lowercase();
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.metadata.recursion_available = true;
    answer.metadata.response_code = if name.starts_with("broken") {
        ResponseCode::ServFail
    } else if zone.keys().any(|(known, _)| *known == name) {
        ResponseCode::NoError
    } else {
        ResponseCode::NXDomain
    };
    let known = zone.get(&(name, query.query_type())).into_iter().flatten();
    let records = known.map(|(ttl, data)| Record::from_rdata(query.name().clone(), *ttl, data.clone()));
    answer.add_answers(records.collect::<Vec<_>>());
    answer.add_query(query);
    answer
}

fn four(last: u8) -> RData {
    RData::A(A::new(10, 0, 0, last))
}

fn six(last: u16) -> RData {
    RData::AAAA(AAAA::new(0xfd00, 0, 0, 0, 0, 0, 0, last))
}

fn service(priority: u16, port: u16, target: &str) -> RData {
    RData::SRV(SRV::new(priority, 0, port, Name::from_str(target).unwrap()))
}

fn at(text: &str) -> Address {
    Address::Ip(text.parse().unwrap())
}

#[tokio::test]
async fn every_address_of_a_name_is_an_endpoint_and_the_least_ttl_holds() {
    let server = NameServer::start().await;
    for (ttl, data) in [(30, four(2)), (7, four(1)), (60, six(1)), (60, six(2))] {
        server.has("user.test.", ttl, data);
    }
    let found = server.ask("user.test.", Some(1)).await.unwrap();
    let expected = [at("10.0.0.1:1"), at("10.0.0.2:1"), at("[fd00::1]:1"), at("[fd00::2]:1")];
    assert_eq!(found, Answer { endpoints: expected.to_vec(), ttl: Some(Duration::from_secs(7)) });
}

#[tokio::test]
async fn a_name_with_one_address_of_each_family_is_one_host() {
    let server = NameServer::start().await;
    server.has("user.test.", 30, four(1));
    server.has("user.test.", 30, six(1));
    let found = server.ask("user.test.", Some(1)).await.unwrap();
    let both = vec!["10.0.0.1:1".parse().unwrap(), "[fd00::1]:1".parse().unwrap()];
    assert_eq!(found.endpoints, [Address::of_one_server(both).unwrap()]);
}

#[tokio::test]
async fn srv_records_name_hosts_and_ports_and_the_lowest_priority_is_used() {
    let server = NameServer::start().await;
    let name = "_grpc._tcp.user.test.";
    for data in [
        service(1, 1, "a.test."),
        service(1, 2, "b.test."),
        service(1, 3, "gone.test."),
        service(2, 4, "spare.test."),
    ] {
        server.has(name, 60, data);
    }
    server.has("a.test.", 9, four(1));
    server.has("a.test.", 9, six(1));
    server.has("b.test.", 30, four(2));
    server.has("spare.test.", 30, four(3));
    let found = server.ask(name, None).await.unwrap();
    let both = vec!["10.0.0.1:1".parse().unwrap(), "[fd00::1]:1".parse().unwrap()];
    let expected = vec![Address::of_one_server(both).unwrap(), at("10.0.0.2:2")];
    assert_eq!(found, Answer { endpoints: expected, ttl: Some(Duration::from_secs(9)) });
}

#[tokio::test]
async fn a_wrong_name_is_told_from_a_server_that_cannot_tell() {
    let server = NameServer::start().await;
    server.has("user.test.", 30, four(1));
    server.has("_away._tcp.user.test.", 30, service(1, 1, "."));
    let failure = async |host: &str, port| server.ask(host, port).await.unwrap_err().to_string();
    assert_eq!(failure("nobody.test.", Some(1)).await, "the name does not exist");
    assert_eq!(failure("broken.test.", Some(1)).await, "the name server cannot tell: Server Failure");
    assert_eq!(failure("_grpc._tcp.nobody.test.", None).await, "the name does not exist");
    assert_eq!(failure("_away._tcp.user.test.", None).await, "the name does not exist");
    server.has("_grpc._tcp.user.test.", 30, four(9));
    assert_eq!(failure("_grpc._tcp.user.test.", None).await, "the name has no SRV records");
}

#[tokio::test]
async fn localhost_needs_no_name_server() {
    let name = DnsName { server: None, host: "localhost".to_owned(), port: Some(1) };
    let found = ask(&name).await.unwrap();
    assert!(found.endpoints.iter().any(|endpoint| endpoint.key() == ([127, 0, 0, 1], 1).into()), "{found:?}");
    assert_eq!(found.endpoints.len(), 1, "one host, whether it has one family or both");
}
