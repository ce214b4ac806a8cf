//! The SMTP mailer, against a relay that answers as it is told.

pub(crate) mod sink;

use notification::{
    domain::{NotificationId, Recipient, Verdict},
    mail::{Letterhead, Mail, Mailer as _, SmtpConfig, SmtpMailer},
};

use sink::{HANG_UP, Sink};

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

/// How many of the mails carry the Message-ID of `mail`.
fn copies(mails: &[String], mail: &Mail) -> usize {
    let header = format!("Message-ID: <{}@example.org>\r\n", mail.id);
    mails.iter().filter(|text| text.contains(&header)).count()
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let sink = Sink::start([]).await;
    let html = Some("<p>Rich</p>".to_owned());
    let sent = Mail { html, ..mail(1) };
    assert_eq!(send_one(&mailer(sink.config()), &sent).await, Verdict::Sent);
    let mails = sink.mails();
    assert_eq!((mails.len(), copies(&mails, &sent)), (1, 1));
    for part in [
        "From: Example <no-reply@example.org>",
        "To: ada@example.org",
        "Subject: Subject 1",
        "Plain",
        "<p>Rich</p>",
    ] {
        assert!(mails[0].contains(part), "no {part} in {}", mails[0]);
    }
}

#[tokio::test]
async fn a_busy_relay_gets_the_mail_again_under_the_same_message_id() {
    for verb in ["EHLO", "MAIL", "RCPT", "DATA", "."] {
        let sink = Sink::start([(verb, "451 4.3.0 busy")]).await;
        let (mailer, mail) = (mailer(sink.config()), mail(1));
        let busy = send_one(&mailer, &mail).await;
        assert!(is_transient(&busy, "451"), "{verb}: {busy:?}");
        let before = sink.mails().len();
        assert_eq!(send_one(&mailer, &mail).await, Verdict::Sent, "{verb}");
        assert_eq!(copies(&sink.mails(), &mail), before + 1, "{verb}");
    }
}

#[tokio::test]
async fn a_refused_mail_is_not_worth_another_try() {
    for (verb, refusal) in [("RCPT", "550 5.1.1 no such mailbox"), (".", "554 5.7.1 looks like spam")] {
        let sink = Sink::start([(verb, refusal)]).await;
        let (mailer, mail) = (mailer(sink.config()), mail(1));
        let refused = send_one(&mailer, &mail).await;
        assert!(is_permanent(&refused, &refusal[..3]), "{verb}: {refused:?}");
        assert_eq!(send_one(&mailer, &mail).await, Verdict::Sent, "the relay still takes others");
    }
}

#[tokio::test]
async fn a_relay_that_goes_away_after_the_data_may_have_the_mail() {
    let sink = Sink::start([(".", HANG_UP)]).await;
    let (mailer, mail) = (mailer(sink.config()), mail(1));
    let lost = send_one(&mailer, &mail).await;
    assert!(is_transient(&lost, ""), "{lost:?}");
    assert_eq!(copies(&sink.mails(), &mail), 1);
    assert_eq!(send_one(&mailer, &mail).await, Verdict::Sent);
    assert_eq!(copies(&sink.mails(), &mail), 2, "both can be told to be one");
}

#[tokio::test]
async fn a_relay_that_refuses_us_says_nothing_of_the_mail() {
    let sink = Sink::start([("AUTH", "535 5.7.8 wrong password"), ("MAIL", "530 5.7.0 log in first")]).await;
    let credentials = Some(("name".to_owned(), "password".to_owned()));
    let (mailer, mail) = (mailer(SmtpConfig { credentials, ..sink.config() }), mail(1));
    for code in ["535", "530"] {
        let refused = send_one(&mailer, &mail).await;
        assert!(is_transient(&refused, code), "{refused:?}");
    }
    assert_eq!(send_one(&mailer, &mail).await, Verdict::Sent);
}

#[tokio::test]
async fn nobody_at_the_port_is_a_reason_to_try_again() {
    let config = Sink::start([]).await.config();
    // The sink is dropped by now, and its port with it.
    let unsent = send_one(&mailer(config), &mail(1)).await;
    assert!(is_transient(&unsent, ""), "{unsent:?}");
}

#[tokio::test]
async fn each_mail_of_a_batch_gets_its_own_verdict_in_order() {
    let sink = Sink::start([]).await;
    let mut mails: Vec<_> = (0..20).map(mail).collect();
    // No mail program would take it; it was let in by an older version.
    mails[7].recipient = Recipient::restore("nobody".to_owned());
    let verdicts = mailer(sink.config()).send(mails.clone()).await;
    assert_eq!(verdicts.len(), 20);
    for (n, verdict) in verdicts.iter().enumerate() {
        let is_as_expected =
            if n == 7 { is_permanent(verdict, "recipient") } else { *verdict == Verdict::Sent };
        assert!(is_as_expected, "{n}: {verdict:?}");
        assert_eq!(copies(&sink.mails(), &mails[n]), usize::from(n != 7), "{n}");
    }
}
