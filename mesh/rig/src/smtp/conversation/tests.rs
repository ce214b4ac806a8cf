use std::sync::Arc;

use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use super::*;
use crate::smtp::Sink;

const HELLO: &str = "EHLO me";
const TO_DATA: [&str; 4] = [HELLO, "MAIL FROM:<x@y>", "RCPT TO:<a@b>", "DATA"];
const MAIL: &str = "Subject: one\r\nmessage-id: <a@b>\r\n\r\n..\r\nMessage-ID: <no@header>\r\n.";

async fn connect(sink: &Sink) -> Stream {
    BufStream::new(Box::new(TcpStream::connect(sink.address()).await.unwrap()))
}

/// Begins TLS as a client who trusts the sink's authority alone.
async fn secure(sink: &Sink, stream: Stream) -> Stream {
    let mut trusted = RootCertStore::empty();
    trusted.add(CertificateDer::from_pem_slice(sink.authority_pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let secured = TlsConnector::from(Arc::new(config)).connect(name, stream.into_inner()).await.unwrap();
    BufStream::new(Box::new(secured))
}

/// The code of the next answer; `gone` when the other side has hung up.
async fn hear(stream: &mut Stream) -> String {
    loop {
        match read_line(stream).await {
            Ok(Some(line)) if line.get(3..4) == Some("-") => {}
            Ok(Some(line)) => return line[..3].to_owned(),
            Ok(None) | Err(_) => return "gone".to_owned(),
        }
    }
}

/// Says each of these, and hears the code of each answer.
async fn talk(stream: &mut Stream, said: &[&str]) -> Vec<String> {
    let mut heard = Vec::new();
    for said in said {
        say(stream, said).await.unwrap();
        heard.push(hear(stream).await);
    }
    heard
}

/// One conversation that sends a mail; what the content is answered with.
async fn send(sink: &Sink) -> String {
    let mut stream = connect(sink).await;
    assert_eq!(hear(&mut stream).await, "220");
    assert_eq!(talk(&mut stream, &TO_DATA).await, ["250", "250", "250", "354"]);
    talk(&mut stream, &[MAIL]).await.remove(0)
}

async fn counted(sink: &Sink) -> Vec<(String, u32)> {
    sink.mailbox().counts().await.into_iter().collect()
}

#[tokio::test]
async fn a_mail_is_kept_as_it_was_sent_and_counted_each_time() {
    let sink = Sink::start(Security::Plain).await.unwrap();
    for _ in 0..2 {
        assert_eq!(send(&sink).await, "250");
    }
    assert_eq!(counted(&sink).await, [("<a@b>".to_owned(), 2)]);
    let delivery = sink.mailbox().deliveries().await.remove(1);
    assert_eq!(delivery.content, "Subject: one\r\nmessage-id: <a@b>\r\n\r\n.\r\nMessage-ID: <no@header>\r\n");
    assert_eq!((delivery.sender.as_str(), delivery.recipients), ("x@y", vec!["a@b".to_owned()]));
    assert!(delivery.is_acknowledged && !delivery.is_secured);
}

#[tokio::test]
async fn a_journal_has_one_line_for_each_delivery() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("mails.jsonl");
    let sink = Sink::start_with_journal(Security::Plain, &journal).await.unwrap();
    for _ in 0..2 {
        assert_eq!(send(&sink).await, "250");
    }
    let lines = std::fs::read_to_string(journal).unwrap();
    assert_eq!(lines.lines().last().unwrap(), r#"{"delivery":2,"message_id":"<a@b>"}"#);
    assert_eq!(lines.lines().count(), 2);
    assert_eq!(sink.mailbox().deliveries().await, []);
    assert_eq!(counted(&sink).await, [("<a@b>".to_owned(), 2)]);
}

#[tokio::test]
async fn a_mail_without_a_name_or_without_an_end_or_without_limits_is_not_kept() {
    let sink = Sink::start(Security::Plain).await.unwrap();
    let mut stream = connect(&sink).await;
    hear(&mut stream).await;
    talk(&mut stream, &TO_DATA).await;
    assert_eq!(talk(&mut stream, &["Subject: no name\r\n\r\nhello\r\n."]).await, ["554"]);
    talk(&mut stream, &TO_DATA).await;
    let line = "x".repeat(1_000) + "\r\n";
    let large = format!("Message-ID: <a@b>\r\n\r\n{}.", line.repeat(1_100));
    assert_eq!(talk(&mut stream, &[&large]).await, ["552"]);
    talk(&mut stream, &TO_DATA).await;
    say(&mut stream, "Message-ID: <half@mail>\r\n\r\nhel").await.unwrap();
    drop(stream);
    assert_eq!(counted(&sink).await, []);
    assert_eq!(sink.mailbox().refused().await, 2);
    let mut stream = connect(&sink).await;
    hear(&mut stream).await;
    say(&mut stream, &"x".repeat(5_000)).await.unwrap();
    assert_eq!(hear(&mut stream).await, "gone", "a line without an end is read no further");
}

#[tokio::test]
async fn with_starttls_nothing_is_taken_before_it() {
    let sink = Sink::start(Security::StartTls).await.unwrap();
    let mut stream = connect(&sink).await;
    hear(&mut stream).await;
    let said = [HELLO, "MAIL FROM:<x@y>", "STARTTLS"];
    assert_eq!(talk(&mut stream, &said).await, ["250", "530", "220"]);
    let mut stream = secure(&sink, stream).await;
    assert_eq!(talk(&mut stream, &["MAIL FROM:<x@y>"]).await, ["503"], "the greeting is forgotten");
    let login = [HELLO, "AUTH PLAIN AGFkYQBzZWNyZXQ="];
    assert_eq!(talk(&mut stream, &login).await, ["250", "235"]);
    talk(&mut stream, &TO_DATA[1..]).await;
    assert_eq!(talk(&mut stream, &[MAIL, "QUIT"]).await, ["250", "221"]);
    let delivery = sink.mailbox().deliveries().await.remove(0);
    assert_eq!((delivery.is_secured, delivery.user.as_deref()), (true, Some("ada")));
}

#[tokio::test]
async fn tls_begins_with_the_first_byte() {
    let sink = Sink::start(Security::Tls).await.unwrap();
    let mut stream = secure(&sink, connect(&sink).await).await;
    assert_eq!(hear(&mut stream).await, "220");
    talk(&mut stream, &TO_DATA).await;
    assert_eq!(talk(&mut stream, &[MAIL]).await, ["250"]);
    assert!(sink.mailbox().deliveries().await[0].is_secured);
    // Who does not trust the authority is told nothing in plain text.
    let mut stream = connect(&sink).await;
    say(&mut stream, HELLO).await.unwrap();
    let mut answer = Vec::new();
    // An alert of TLS, or the end.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"220"), "{answer:?}");
}

#[tokio::test]
async fn an_answer_stands_in_for_the_usual_one() {
    let sink = Sink::start(Security::Plain).await.unwrap();
    for stage in [Stage::Hello, Stage::Sender, Stage::Recipient, Stage::Data, Stage::Content] {
        sink.faults().once(stage, Fault::Answer("451 4.3.0 later".to_owned()));
    }
    let mut stream = connect(&sink).await;
    hear(&mut stream).await;
    let said = [HELLO, HELLO, TO_DATA[1], TO_DATA[1], TO_DATA[2], TO_DATA[2], "DATA", "DATA", MAIL];
    let heard = talk(&mut stream, &said).await;
    assert_eq!(heard, ["451", "250", "451", "250", "451", "250", "451", "354", "451"]);
    assert_eq!(sink.mailbox().refused().await, 1);
    assert_eq!(send(&sink).await, "250");
    sink.faults().once(Stage::Greeting, Fault::Answer("554 5.3.2 closed".to_owned()));
    let mut stream = connect(&sink).await;
    assert_eq!([hear(&mut stream).await, hear(&mut stream).await], ["554", "gone"]);
    assert_eq!(counted(&sink).await, [("<a@b>".to_owned(), 1)]);
}

#[tokio::test]
async fn what_is_hung_up_on_was_kept_or_not() {
    let sink = Sink::start(Security::Plain).await.unwrap();
    let once = |fault| sink.faults().once(Stage::Content, fault);
    once(Fault::HangUp);
    assert_eq!(send(&sink).await, "gone");
    assert_eq!(counted(&sink).await, []);
    once(Fault::KeepAndHangUp);
    assert_eq!(send(&sink).await, "gone");
    assert_eq!(counted(&sink).await, [("<a@b>".to_owned(), 1)]);
    once(Fault::AnswerAndHangUp);
    let mut stream = connect(&sink).await;
    hear(&mut stream).await;
    talk(&mut stream, &TO_DATA).await;
    assert_eq!(talk(&mut stream, &[MAIL]).await, ["250"]);
    assert_eq!(hear(&mut stream).await, "gone");
    let told: Vec<bool> = sink.mailbox().deliveries().await.iter().map(|mail| mail.is_acknowledged).collect();
    assert_eq!(told, [false, true]);
}

#[tokio::test]
async fn who_is_stalled_is_hung_up_on_when_it_is_healed() {
    let sink = Sink::start(Security::Plain).await.unwrap();
    sink.faults().always(Stage::Sender, Fault::Stall);
    let mut stream = connect(&sink).await;
    hear(&mut stream).await;
    talk(&mut stream, &[HELLO]).await;
    say(&mut stream, TO_DATA[1]).await.unwrap();
    sink.faults().until_stalled().await;
    let mut other = connect(&sink).await;
    assert_eq!(hear(&mut other).await, "220", "others are served meanwhile");
    sink.faults().heal();
    assert_eq!(hear(&mut stream).await, "gone");
    assert_eq!(send(&sink).await, "250");
}
