//! N1 and E1, each broken by itself.

use super::{
    Invariant::{E1, N1},
    Story,
    builder::{create, text, user},
    clean::{payments, people},
};
use crate::history::{Answer, Found, Mail, Notification, Record};

fn notification(user: &str, template: &str, message: &str) -> Found {
    Found::Notification(Notification {
        user_id: text(user),
        template: text(template),
        payment_id: None,
        message_id: text(message),
        state: text("SENT"),
    })
}

fn mail(message: &str, deliveries: u32) -> Found {
    Found::Mail(Mail { message_id: text(message), deliveries })
}

fn is_mail(found: &Found, message: &str) -> bool {
    matches!(found, Found::Mail(mail) if mail.message_id == message)
}

fn is_notification(found: &Found, message: &str) -> bool {
    matches!(found, Found::Notification(found) if found.message_id == message)
}

/// The mail arrived so often.
fn arrived(story: Story, message: &str, deliveries: u32) -> Story {
    story.find(|found| {
        if is_mail(found, message) {
            *found = mail(message, deliveries);
        }
    })
}

fn without_kills() -> Story {
    people().without_line(|record| matches!(record, Record::Fault { .. }))
}

#[test]
fn a_missing_welcome_breaks_n1() {
    let is_it = |found: &Found| is_mail(found, "ada/welcome") || is_notification(found, "ada/welcome");
    people().without(is_it).breaks(N1, "user ada was not welcomed");
}

#[test]
fn a_second_welcome_breaks_n1() {
    let twice = people().and(notification("ada", "welcome", "ada/again")).and(mail("ada/again", 1));
    twice.breaks(N1, "user ada was welcomed 2 times");
    // Also of somebody who is deleted.
    let mut once = people();
    once.mailed("dan", "welcome", "");
    once.clone().holds();
    once.mailed("dan", "welcome", "again");
    once.breaks(N1, "user dan was welcomed 2 times");
}

#[test]
fn a_mail_that_never_arrived_breaks_n1() {
    let story = people().without(|found| is_mail(found, "ada/welcome"));
    story.breaks(N1, "the welcome mail to user ada was sent and never arrived");
    arrived(people(), "ada/welcome", 0).breaks(N1, "the mail ada/welcome is in the sink and never arrived");
}

#[test]
fn a_mail_that_is_not_sent_breaks_n1() {
    let story = people().find(|found| match found {
        Found::Notification(found) if found.user_id == "bob" => found.state = text("RETRYING"),
        _ => {}
    });
    story.breaks(N1, "the welcome mail to user bob is RETRYING");
}

#[test]
fn a_mail_that_arrived_twice_without_a_kill_breaks_n1() {
    arrived(people(), "ada/welcome", 2).holds();
    arrived(people(), "ada/welcome", 3).breaks(N1, "the mail ada/welcome arrived 3 times, with 1 kills");
    arrived(without_kills(), "ada/welcome", 2)
        .breaks(N1, "the mail ada/welcome arrived 2 times, with 0 kills");
    // A kill of something else keeps no mail from being written down.
    let provider = without_kills().before_quiet(|story| story.fault("kill", "provider"));
    arrived(provider, "ada/welcome", 2).breaks(N1, "the mail ada/welcome arrived 2 times, with 0 kills");
    let stopped = without_kills().before_quiet(|story| story.fault("stop", "stack"));
    arrived(stopped, "ada/welcome", 2).breaks(N1, "the mail ada/welcome arrived 2 times, with 0 kills");
    let crashed = without_kills().before_quiet(|story| story.fault("crash", "stack"));
    arrived(crashed, "ada/welcome", 2).holds();
}

#[test]
fn more_mails_that_arrived_twice_than_were_on_their_way_break_n1() {
    let doubled = |count: u32| {
        let mut story = Story::new();
        story.kill();
        let names: Vec<String> = (0..count).map(|i| format!("u{i}")).collect();
        for name in &names {
            let call = create(name, &format!("{name}@example.org"), "N");
            story.done(call, Answer::User(user(name, "N", 1)));
        }
        story.quiet();
        for name in &names {
            story.whole(user(name, "N", 1), super::builder::profile(name, "N", 1));
            story = arrived(story, &format!("{name}/welcome"), 2);
        }
        story
    };
    doubled(8).holds();
    doubled(9).breaks(N1, "9 mails arrived once more, with 1 kills");
}

#[test]
fn a_mail_from_nowhere_breaks_n1() {
    // Dan is deleted: one mail may have been his welcome, which nobody listed.
    let one = people().and(mail("x", 1));
    one.clone().holds();
    one.and(mail("y", 1)).breaks(N1, "arrived, and is no notification's");
    // But not if somebody did list it.
    let mut listed = people();
    listed.mailed("dan", "welcome", "");
    listed.and(mail("x", 1)).breaks(N1, "the mail x arrived, and is no notification's");
    // And not that of somebody who is there.
    let story = people().and(mail("x", 1)).without(|found| is_notification(found, "ada/welcome"));
    story.breaks(N1, "arrived, and is no notification's");
    let mut story = Story::new();
    story.quiet();
    story.and(mail("x", 1)).breaks(N1, "the mail x arrived, and is no notification's");
}

#[test]
fn one_name_of_two_mails_breaks_n1() {
    let story = people().find(|found| {
        if is_notification(found, "bob/welcome") {
            *found = notification("bob", "welcome", "ada/welcome");
        }
    });
    story
        .without(|found| is_mail(found, "bob/welcome"))
        .breaks(N1, "two notifications are called ada/welcome");
}

#[test]
fn a_template_that_nothing_causes_breaks_n1() {
    let mut story = people();
    story.mailed("ada", "winback", "");
    story.breaks(N1, "user ada has a notification by \"winback\"");
}

#[test]
fn a_missing_receipt_breaks_e1() {
    for (message, what) in [
        ("ada/payment_captured6", "user ada has 1 receipts by payment_captured, and 2 are due"),
        ("ada/payment_refunded1", "user ada has 0 receipts by payment_refunded, and 1 are due"),
        ("ada/payment_canceled2", "user ada has 0 receipts by payment_canceled, and 1 are due"),
        ("ada/payment_failed3", "user ada has 0 receipts by payment_failed, and 1 are due"),
    ] {
        payments()
            .without(|found| is_mail(found, message) || is_notification(found, message))
            .breaks(E1, what);
    }
}

#[test]
fn a_receipt_too_many_breaks_e1() {
    let mut story = payments();
    story.mailed("ada", "payment_captured", "again");
    story.breaks(E1, "user ada has 3 receipts by payment_captured, and 2 are due");
    let mut story = people();
    story.mailed("dora", "payment_failed", "");
    story.breaks(E1, "user dora has 1 receipts by payment_failed, and 0 are due");
}

/// The receipt says of which payment it is.
fn of_payment(story: Story, message: &'static str, payment: &'static str) -> Story {
    story.find(move |found| match found {
        Found::Notification(found) if found.message_id == message => found.payment_id = Some(text(payment)),
        _ => {}
    })
}

#[test]
fn a_receipt_of_another_payment_breaks_e1() {
    let named = |second: &'static str| {
        let story = of_payment(payments(), "ada/payment_captured1", "p1");
        of_payment(story, "ada/payment_captured6", second)
    };
    named("p6").holds();
    named("p1").breaks(E1, "payment p1 has 2 receipts by payment_captured, and 1 are due");
    named("p4").breaks(E1, "payment p4 has 1 receipts by payment_captured, and 0 are due");
    named("p9").breaks(E1, "user ada has a receipt for payment p9, which is not theirs");
    let story = of_payment(payments(), "ada/payment_refunded1", "p6");
    story.breaks(E1, "payment p6 has 1 receipts by payment_refunded, and 0 are due");
}

#[test]
fn a_mail_that_is_listed_twice_breaks_n1() {
    people().and(mail("ada/welcome", 1)).breaks(N1, "the mail ada/welcome was found twice");
}

#[test]
fn a_parked_event_breaks_e1() {
    let parked =
        Found::Parked { queue: text("user.profile"), event_id: text("e"), kind: text("user.created") };
    people().and(parked).breaks(E1, "user.created e could not be digested by user.profile");
}
