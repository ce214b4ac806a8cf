//! The SMTP mailer, against a relay that misbehaves as it is told.

mod middle;
mod tls;

use std::{io::Write as _, time::Duration};

use mesh_rig::smtp::{Delivery, Fault, Security, Sink, Stage};
use notification::{
    domain::{NotificationId, Recipient, Verdict},
    mail::{Letterhead, Mail, Mailer as _, SmtpConfig, SmtpMailer},
};
use service_kit::config::Source;
use tempfile::NamedTempFile;

/// Settings as an operator writes them, for a relay on this machine.
pub(crate) fn config(port: u16, tls: &str, settings: &[(&str, &str)]) -> SmtpConfig {
    let port = port.to_string();
    let given = [("host", "localhost"), ("port", &port), ("tls", tls)];
    let given = given.iter().chain(settings);
    let env = given.map(|(key, value)| (format!("T_SMTP_{}", key.to_uppercase()), (*value).to_owned()));
    let mut source = Source::load(None, env, "T").unwrap();
    let config = SmtpConfig::read(&mut source.section("smtp"));
    source.finish().unwrap();
    config.unwrap()
}

/// Settings for a relay that speaks in the clear.
pub(crate) fn plain(sink: &Sink) -> SmtpConfig {
    config(sink.address().port(), "none", &[])
}

/// The authority of a relay, in a file.
fn authority(sink: &Sink) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(sink.authority_pem().as_bytes()).unwrap();
    file
}

fn mailer(config: SmtpConfig) -> SmtpMailer {
    SmtpMailer::new(config, Letterhead::new("Example <no-reply@example.org>").unwrap()).unwrap()
}

fn mail(n: u64) -> Mail {
    Mail {
        id: NotificationId::derived(&n.to_be_bytes()),
        recipient: Recipient::parse("recipient", "ada@example.org").unwrap(),
        subject: format!("Subject {n}"),
        text: "Plain".to_owned(),
        html: None,
    }
}

async fn send_one(mailer: &SmtpMailer, mail: &Mail) -> Verdict {
    let mut verdicts = mailer.send(vec![mail.clone()]).await;
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}

fn is_transient(verdict: &Verdict, cause: &str) -> bool {
    matches!(verdict, Verdict::Transient(error) if error.contains(cause))
}

fn is_permanent(verdict: &Verdict, cause: &str) -> bool {
    matches!(verdict, Verdict::Permanent(error) if error.contains(cause))
}

fn answer(text: &str) -> Fault {
    Fault::Answer(text.to_owned())
}

/// How many of the mails that a relay kept carry the Message-ID of `mail`.
fn copies(kept: &[Delivery], mail: &Mail) -> usize {
    let id = format!("<{}@example.org>", mail.id);
    kept.iter().filter(|delivery| delivery.message_id == id).count()
}

async fn kept(sink: &Sink, mail: &Mail) -> usize {
    copies(&sink.mailbox().deliveries().await, mail)
}

const STAGES: [Stage; 6] =
    [Stage::Greeting, Stage::Hello, Stage::Sender, Stage::Recipient, Stage::Data, Stage::Content];

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let sink = Sink::start(Security::Plain).await.unwrap();
    let html = Some("<p>Rich</p>".to_owned());
    let sent = Mail { html, ..mail(1) };
    assert_eq!(send_one(&mailer(plain(&sink)), &sent).await, Verdict::Sent);
    let kept = sink.mailbox().deliveries().await;
    assert_eq!((kept.len(), copies(&kept, &sent)), (1, 1));
    for part in [
        "From: Example <no-reply@example.org>",
        "To: ada@example.org",
        "Subject: Subject 1",
        "Plain",
        "<p>Rich</p>",
    ] {
        assert!(kept[0].content.contains(part), "no {part} in {}", kept[0].content);
    }
    assert_eq!(kept[0].recipients, ["ada@example.org"]);
}

#[tokio::test]
async fn a_busy_relay_gets_the_mail_again_under_the_same_message_id() {
    for stage in STAGES {
        let sink = Sink::start(Security::Plain).await.unwrap();
        sink.faults().once(stage, answer("451 4.3.0 busy"));
        let (mailer, mail) = (mailer(plain(&sink)), mail(1));
        let busy = send_one(&mailer, &mail).await;
        assert!(is_transient(&busy, "451"), "{stage:?}: {busy:?}");
        assert_eq!(kept(&sink, &mail).await, 0, "{stage:?}");
        assert_eq!(send_one(&mailer, &mail).await, Verdict::Sent, "{stage:?}");
        assert_eq!(kept(&sink, &mail).await, 1, "{stage:?}");
    }
}

#[tokio::test]
async fn a_refused_mail_is_not_worth_another_try() {
    let refusals =
        [(Stage::Recipient, "550 5.1.1 no such mailbox"), (Stage::Content, "554 5.7.1 looks like spam")];
    for (stage, refusal) in refusals {
        let sink = Sink::start(Security::Plain).await.unwrap();
        sink.faults().once(stage, answer(refusal));
        let (mailer, mail) = (mailer(plain(&sink)), mail(1));
        let refused = send_one(&mailer, &mail).await;
        assert!(is_permanent(&refused, &refusal[..3]), "{stage:?}: {refused:?}");
        assert_eq!(send_one(&mailer, &mail).await, Verdict::Sent, "the relay still takes others");
    }
}

#[tokio::test]
async fn a_relay_that_refuses_us_says_nothing_of_the_mail() {
    let stages = [
        (Stage::Greeting, "554 no service here"),
        (Stage::Hello, "550 who are you"),
        (Stage::StartTls, "502 not today"),
        (Stage::Auth, "535 5.7.8 wrong password"),
        (Stage::Sender, "530 5.7.0 log in first"),
    ];
    for (stage, refusal) in stages {
        let sink = Sink::start(Security::StartTls).await.unwrap();
        sink.faults().once(stage, answer(refusal));
        let authority = authority(&sink);
        let path = authority.path().to_str().unwrap();
        let settings = [("ca_file", path), ("user", "name"), ("password", "password")];
        let (mailer, mail) = (mailer(config(sink.address().port(), "starttls", &settings)), mail(1));
        let refused = send_one(&mailer, &mail).await;
        assert!(is_transient(&refused, &refusal[..3]), "{stage:?}: {refused:?}");
        assert_eq!(send_one(&mailer, &mail).await, Verdict::Sent, "{stage:?}");
    }
}

#[tokio::test]
async fn a_relay_that_goes_away_gets_the_mail_again_under_the_same_message_id() {
    for stage in STAGES {
        let sink = Sink::start(Security::Plain).await.unwrap();
        sink.faults().once(stage, Fault::HangUp);
        let (mailer, mail) = (mailer(plain(&sink)), mail(1));
        let lost = send_one(&mailer, &mail).await;
        assert!(is_transient(&lost, ""), "{stage:?}: {lost:?}");
        assert_eq!(send_one(&mailer, &mail).await, Verdict::Sent, "{stage:?}");
        assert_eq!(kept(&sink, &mail).await, 1, "{stage:?}");
    }
}

#[tokio::test]
async fn a_relay_that_kept_the_mail_and_did_not_say_so_can_tell_the_repeat() {
    let sink = Sink::start(Security::Plain).await.unwrap();
    sink.faults().once(Stage::Content, Fault::KeepAndHangUp);
    let (mailer, mail) = (mailer(plain(&sink)), mail(1));
    let lost = send_one(&mailer, &mail).await;
    assert!(is_transient(&lost, ""), "{lost:?}");
    assert_eq!(send_one(&mailer, &mail).await, Verdict::Sent);
    assert_eq!(kept(&sink, &mail).await, 2, "both under one Message-ID");
}

#[tokio::test]
async fn a_connection_that_closed_after_its_mail_is_not_used_for_the_next() {
    let sink = Sink::start(Security::Plain).await.unwrap();
    sink.faults().once(Stage::Content, Fault::AnswerAndHangUp);
    let mailer = mailer(plain(&sink));
    for n in 1..=2 {
        // The first answer may be lost with its connection: then it comes once more, under the same Message-ID.
        let mail = mail(n);
        let mut tries = 1;
        while send_one(&mailer, &mail).await != Verdict::Sent {
            tries += 1;
        }
        assert!(tries <= 2 && kept(&sink, &mail).await == tries, "{n}: {tries}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_not_taken_for_that_to_another_mail() {
    for stage in STAGES {
        let sink = Sink::start(Security::Plain).await.unwrap();
        sink.faults().always(stage, Fault::Stall);
        let config = config(sink.address().port(), "none", &[("timeout", "1s"), ("connections", "1")]);
        let (mailer, first, second) = (mailer(config), mail(1), mail(2));
        let late = send_one(&mailer, &first).await;
        assert!(is_transient(&late, "no answer within 1s"), "{stage:?}: {late:?}");
        sink.faults().heal();
        // Now the relay answers what it was asked before. On that connection, "250" would be an answer to nothing.
        sink.faults().once(Stage::Recipient, answer("550 5.1.1 no such mailbox"));
        let refused = send_one(&mailer, &second).await;
        assert!(is_permanent(&refused, "550"), "{stage:?}: {refused:?}");
        assert_eq!(kept(&sink, &second).await, 0, "{stage:?}");
    }
}

#[tokio::test]
async fn nobody_at_the_port_is_a_reason_to_try_again() {
    let config = plain(&Sink::start(Security::Plain).await.unwrap());
    // The sink is dropped by now, and its port with it.
    let unsent = send_one(&mailer(config), &mail(1)).await;
    assert!(is_transient(&unsent, ""), "{unsent:?}");
}

#[tokio::test]
async fn each_mail_of_a_batch_gets_its_own_verdict_in_order() {
    let sink = Sink::start(Security::Plain).await.unwrap();
    let mut mails: Vec<_> = (0..20).map(mail).collect();
    // No mail program would take it; it was let in by an older version.
    mails[7].recipient = Recipient::restore("nobody".to_owned());
    let verdicts = mailer(plain(&sink)).send(mails.clone()).await;
    assert_eq!(verdicts.len(), 20);
    for (n, verdict) in verdicts.iter().enumerate() {
        let is_as_expected =
            if n == 7 { is_permanent(verdict, "recipient") } else { *verdict == Verdict::Sent };
        assert!(is_as_expected, "{n}: {verdict:?}");
        assert_eq!(kept(&sink, &mails[n]).await, usize::from(n != 7), "{n}");
    }
}

#[tokio::test]
async fn a_mailer_takes_no_longer_over_a_batch_than_over_a_mail() {
    let config = plain(&Sink::start(Security::Plain).await.unwrap());
    let (timeout, connections) = (config.timeout, usize::from(config.connections));
    let pace = mailer(config).pace();
    assert_eq!((pace.batch, pace.lanes), (connections, 1));
    assert!(timeout <= Duration::from_secs(60), "leases last twice as long");
}
