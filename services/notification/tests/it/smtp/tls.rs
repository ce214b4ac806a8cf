//! Who is believed to be the relay, and what is said to anybody else.

use mesh_rig::smtp::{Security, Sink, Stage};
use notification::mail::{Letterhead, SmtpError, SmtpMailer};
use service_kit::config::Source;

use super::{answer, authority, config, is_transient, kept, mail, mailer, middle::Middle, send_one};
use notification::domain::Verdict;

const KINDS: [(Security, &str); 2] = [(Security::StartTls, "starttls"), (Security::Tls, "implicit")];

#[tokio::test]
async fn a_private_relay_gets_mails_under_tls_after_a_login() {
    for (security, tls) in KINDS {
        let sink = Sink::start(security).await.unwrap();
        let authority = authority(&sink);
        let path = authority.path().to_str().unwrap();
        let settings = [("ca_file", path), ("user", "name"), ("password", "password")];
        let (mailer, mail) = (mailer(config(sink.address().port(), tls, &settings)), mail(1));
        assert_eq!(send_one(&mailer, &mail).await, Verdict::Sent, "{tls}");
        let [delivery] = sink.mailbox().deliveries().await.try_into().unwrap();
        assert!(delivery.is_secured, "{tls}");
        assert_eq!(delivery.user.as_deref(), Some("name"), "{tls}");
        // And again on the same connection, and after a refusal on another one.
        sink.faults().once(Stage::Sender, answer("451 4.3.0 busy"));
        assert!(is_transient(&send_one(&mailer, &mail).await, "451"), "{tls}");
        assert_eq!(send_one(&mailer, &mail).await, Verdict::Sent, "{tls}");
    }
}

#[tokio::test]
async fn a_relay_whose_authority_is_not_ours_gets_nothing() {
    let other = Sink::start(Security::Plain).await.unwrap();
    let others = authority(&other);
    for (security, tls) in KINDS {
        let sink = Sink::start(security).await.unwrap();
        for settings in [vec![("ca_file", others.path().to_str().unwrap())], vec![]] {
            let (mailer, mail) = (mailer(config(sink.address().port(), tls, &settings)), mail(1));
            let refused = send_one(&mailer, &mail).await;
            assert!(is_transient(&refused, "certificate"), "{tls}: {refused:?}");
            assert_eq!(kept(&sink, &mail).await, 0, "{tls}");
        }
    }
}

#[tokio::test]
async fn a_relay_without_tls_gets_nothing_in_the_clear() {
    let sink = Sink::start(Security::Plain).await.unwrap();
    let authority = authority(&sink);
    let settings = [("ca_file", authority.path().to_str().unwrap()), ("timeout", "1s")];
    for tls in ["starttls", "implicit"] {
        let (mailer, mail) = (mailer(config(sink.address().port(), tls, &settings)), mail(1));
        let refused = send_one(&mailer, &mail).await;
        assert!(is_transient(&refused, ""), "{tls}: {refused:?}");
        assert_eq!(kept(&sink, &mail).await, 0, "{tls}");
    }
}

#[tokio::test]
async fn nothing_that_was_said_before_tls_is_believed_after_it() {
    let sink = Sink::start(Security::StartTls).await.unwrap();
    let middle = Middle::between(sink.address()).await;
    let authority = authority(&sink);
    let settings = [("ca_file", authority.path().to_str().unwrap()), ("timeout", "10s")];
    let (mailer, mail) = (mailer(config(middle.address.port(), "starttls", &settings)), mail(1));
    let refused = send_one(&mailer, &mail).await;
    assert!(is_transient(&refused, ""), "{refused:?}");
    assert_eq!(kept(&sink, &mail).await, 0);
}

#[test]
fn an_authority_must_be_a_certificate() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _entered = runtime.enter();
    let file = tempfile::NamedTempFile::new().unwrap();
    let try_with = |path: &str| {
        let config = config(25, "implicit", &[("ca_file", path)]);
        SmtpMailer::new(config, Letterhead::new("Example <no-reply@example.org>").unwrap()).unwrap_err()
    };
    let empty = try_with(file.path().to_str().unwrap());
    assert!(matches!(empty, SmtpError::NoCertificate(_)), "{empty:?}");
    let missing = try_with("/nowhere/authority.pem");
    assert!(matches!(missing, SmtpError::Authority { .. }), "{missing:?}");
}

#[test]
fn a_password_is_not_sent_in_the_clear_and_never_shown() {
    let env = |tls: &str| {
        let settings = [("HOST", "localhost"), ("TLS", tls), ("USER", "name"), ("PASSWORD", "hunter2")];
        let env: Vec<_> =
            settings.map(|(key, value)| (format!("T_SMTP_{key}"), value.to_owned())).into_iter().collect();
        let mut source = Source::load(None, env, "T").unwrap();
        let config = notification::mail::SmtpConfig::read(&mut source.section("smtp"));
        (format!("{config:?}"), source.finish())
    };
    let (shown, finished) = env("none");
    let mistakes = finished.unwrap_err().to_string();
    assert!(mistakes.contains("smtp.user") && !mistakes.contains("hunter2"), "{mistakes}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let (shown, finished) = env("starttls");
    assert!(!finished.unwrap().to_string().contains("hunter2") && !shown.contains("hunter2"), "{shown}");
}
