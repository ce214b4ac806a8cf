//! Mails over SMTP, from taking one on to the relay's mailbox.

use std::time::Duration;

use mesh_rig::smtp::{Fault, Security, Sink, Stage};
use notification::{MailConfig, mail::SmtpConfig};
use proto::notification::v1::{Notification, State};

use super::{ADA, Api, NOWHERE, change, text};
use crate::smtp::config;

/// The first rung of the ladder.
const RUNG: Duration = Duration::from_secs(5);

/// What became of one mail, at a relay that misbehaves once.
struct Outcome {
    last: Notification,
    /// How often the relay kept it, all under its own Message-ID.
    copies: u32,
}

/// Sends one mail while the relay does this at that stage, the first time.
async fn send_through(stage: Stage, fault: Fault) -> Outcome {
    let sink = Sink::start(Security::Plain).await.unwrap();
    sink.faults().once(stage, fault);
    let relay = SmtpConfig { timeout: Duration::from_secs(1), ..config(sink.address().port(), "none", &[]) };
    let mut api = Api::start_with(MailConfig::Smtp(relay), NOWHERE).await;
    let mut watch = api.watch(ADA).await;
    let queued = api.send(text(ADA, "Hello")).await;
    let last = loop {
        let change = change(&mut watch).await;
        match change.state() {
            State::Sent | State::Failed => break change,
            State::Retrying => api.hand.advance(RUNG),
            _ => {}
        }
    };
    // A failed one is not tried again, however long it is waited for: what comes later is sent, and it is not.
    api.hand.advance(Duration::from_secs(24 * 3_600));
    let later = api.send(text(ADA, "Later")).await;
    while change(&mut watch).await.state() != State::Sent {}
    api.stop().await;
    let mut counts = sink.mailbox().counts().await;
    assert_eq!(counts.remove(&later.message_id), Some(1));
    let copies = counts.remove(&queued.message_id).unwrap_or(0);
    assert!(counts.is_empty(), "under another Message-ID: {counts:?}");
    Outcome { last, copies }
}

#[tokio::test]
async fn a_busy_relay_gets_the_mail_once() {
    let Outcome { last, copies } =
        send_through(Stage::Recipient, Fault::Answer("451 4.3.0 later".to_owned())).await;
    assert_eq!((last.state(), last.attempts, copies), (State::Sent, 2, 1));
}

#[tokio::test]
async fn a_refused_mail_has_failed_and_is_not_tried_again() {
    let Outcome { last, copies } =
        send_through(Stage::Content, Fault::Answer("554 5.7.1 spam".to_owned())).await;
    assert_eq!((last.state(), last.attempts, copies), (State::Failed, 1, 0));
    assert!(last.last_error.contains("554"), "{}", last.last_error);
}

#[tokio::test]
async fn a_relay_that_says_nothing_is_tried_again() {
    let Outcome { last, copies } = send_through(Stage::Data, Fault::Stall).await;
    assert_eq!((last.state(), last.attempts, copies), (State::Sent, 2, 1));
}

#[tokio::test]
async fn a_relay_that_goes_away_after_the_data_is_tried_again() {
    let Outcome { last, copies } = send_through(Stage::Content, Fault::HangUp).await;
    assert_eq!((last.state(), last.attempts, copies), (State::Sent, 2, 1));
    let Outcome { last, copies } = send_through(Stage::Content, Fault::KeepAndHangUp).await;
    assert_eq!((last.state(), last.attempts, copies), (State::Sent, 2, 2), "it had it the first time");
}

#[tokio::test]
async fn a_relay_that_goes_away_after_its_answer_gets_the_mail_at_most_twice() {
    let Outcome { last, copies } = send_through(Stage::Content, Fault::AnswerAndHangUp).await;
    assert_eq!(last.state(), State::Sent);
    assert_eq!(u32::try_from(last.attempts).unwrap(), copies);
    assert!(copies <= 2, "{copies}");
}
