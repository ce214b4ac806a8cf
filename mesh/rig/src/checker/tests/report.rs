//! The report.

use super::{
    Invariant, Story,
    builder::{create, profile, text, user},
    check,
    clean::payments,
};
use crate::{
    checker::STORED_MAX,
    history::{Answer, Found, Mail, Record},
};

#[test]
fn the_report_names_operations_faults_and_what_was_found() {
    let report = check(&payments().history()).to_string();
    for line in [
        "25 operations by 4 clients in 0.051 s, seed 1",
        "                       ok   refused   unknown",
        "CreateUser              3         2         2",
        "CreatePayment           4         0         2",
        "all                    16         3         6",
        "fault   kill stack: 1 times",
        "found   3 users, 3 profiles, 5 payments, 11 entries, 10 transactions, 8 notifications, 8 mails",
        "ledger  EUR: customers -580, merchant 580; provider 880 - 300 = 580; balances 880 - 300 = 580",
        "mails   0 arrived once more",
        "Quiet  held    it becomes quiet",
        "L1     held    the books add up",
    ] {
        assert!(report.lines().any(|shown| shown == line), "{line}\n\n{report}");
    }
}

#[test]
fn what_nobody_looked_at_is_not_said_to_hold() {
    let story = payments().without_line(|record| matches!(record, Record::Quiet { .. } | Record::Found(_)));
    let report = check(&story.history()).to_string();
    assert_eq!(report.matches("  unknown ").count(), 8, "{report}");
    assert!(report.contains("C1     held  "), "{report}");
    assert!(report.contains("Quiet  BROKEN  "), "{report}");
}

#[test]
fn all_violations_are_counted_and_the_first_ones_kept() {
    let mut story = Story::new();
    for i in 0..30 {
        let name = format!("u{i}");
        let call = create(&name, &format!("{name}@example.org"), "N");
        story.done(call, Answer::User(user(&name, "N", 1)));
    }
    story.quiet();
    for i in 0..30 {
        let name = format!("u{i}");
        story.nobody(&name, &format!("{name}@example.org"));
    }
    let verdict = check(&story.history());
    assert_eq!(verdict.broken.len(), STORED_MAX);
    assert_eq!(verdict.counts.broken.get(&Invariant::U1), Some(&30));
    assert_eq!(verdict.broken_invariants(), [Invariant::U1]);
    let report = verdict.to_string();
    assert!(report.contains("U1     BROKEN  "), "{report}");
    assert!(report.contains("U1: user u0 was created and is lost (lines 2, 3, 63)"), "{report}");
    assert!(report.contains("and 10 more"), "{report}");
}

#[test]
fn mails_that_arrived_twice_are_told_apart_from_what_is_broken() {
    let mut story = Story::new();
    story.kill();
    story.done(create("r", "ada@example.org", "Ada"), Answer::User(user("ada", "Ada", 1)));
    story.quiet();
    story.whole(user("ada", "Ada", 1), profile("ada", "Ada", 1));
    let story = story.find(|found| {
        if let Found::Mail(mail) = found {
            *mail = Mail { message_id: text("ada/welcome"), deliveries: 2 };
        }
    });
    let verdict = check(&story.history());
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!((verdict.counts.duplicates, verdict.counts.kills()), (1, 1));
}
