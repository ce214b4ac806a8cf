//! Histories that hold, and what may go either way.

use super::{
    Story,
    builder::{
        balance, cancel, capture, create, delete, entry, get, get_payment, get_profile, pay, pay_at_once,
        payment, profile, refund, text, transaction, update, update_profile, user,
    },
};
use crate::history::{Answer, Found, Record};

/// Users only. Ada is changed and read, bob's creation is unknown and happened, eve's is unknown and did not, dan is
/// deleted and his address is somebody's again, and two calls are refused.
pub(super) fn people() -> Story {
    let mut story = Story::new();
    story.done(create("r1", "ada@example.org", "Ada"), Answer::User(user("ada", "Ada", 1)));
    story.done(update("r2", "ada", "Ada L."), Answer::User(user("ada", "Ada L.", 2)));
    story.done(get("ada"), Answer::User(user("ada", "Ada L.", 2)));
    story.done(get_profile("ada"), Answer::Profile(profile("ada", "Ada", 1)));
    story.done(update_profile("ada", "A. L."), Answer::Profile(profile("ada", "A. L.", 2)));
    story.done(get_profile("ada"), Answer::Profile(profile("ada", "A. L.", 2)));
    story.kill();
    story.unknown(create("r3", "bob@example.org", "Bob"));
    story.unknown(create("r4", "eve@example.org", "Eve"));
    story.done(create("r5", "dan@example.org", "Dan"), Answer::User(user("dan", "Dan", 1)));
    story.done(delete("r6", "dan"), Answer::Deleted);
    story.refused(get("dan"), "NOT_FOUND", "USER_NOT_FOUND");
    let mut dora = user("dora", "Dora", 1);
    dora.email = text("Dan@example.org");
    story.done(create("r7", "Dan@example.org", "Dora"), Answer::User(dora.clone()));
    story.refused(create("r8", "ADA@example.org", "Eva"), "ALREADY_EXISTS", "EMAIL_TAKEN");
    story.refused(create("r1", "ida@example.org", "Ida"), "INVALID_ARGUMENT", "REQUEST_ID_REUSED");
    story.quiet();
    story.whole(user("ada", "Ada L.", 2), profile("ada", "A. L.", 2));
    story.whole(user("bob", "Bob", 1), profile("bob", "Bob", 1));
    story.found(Found::Email { email: text("eve@example.org"), user_id: None });
    story.found(Found::NoUser { user_id: text("dan") });
    story.found(Found::NoProfile { user_id: text("dan") });
    story.whole(dora, profile("dora", "Dora", 1));
    story
}

/// The same, and ada pays: p1 is captured in part and refunded in part, p2 let go, p3 declined, p4 unknown and
/// authorized, p5 unknown and never begun, and a refund of p6 is declined.
pub(super) fn payments() -> Story {
    let mut story = people().before_quiet(|story| {
        let told = |payment| Answer::Payment(payment);
        story.done(pay("q1", "ada", 1_000), told(payment("p1", 1_000, "AUTHORIZED", 0, 0, 2)));
        story.done(capture("q2", "p1", 800), told(payment("p1", 1_000, "CAPTURING", 0, 0, 3)));
        story.done(get_payment("p1"), told(payment("p1", 1_000, "CAPTURED", 800, 0, 4)));
        story.done(refund("q3", "p1", 300), told(payment("p1", 1_000, "PARTIALLY_REFUNDED", 800, 300, 6)));
        story.done(pay("q4", "ada", 50), told(payment("p2", 50, "AUTHORIZED", 0, 0, 2)));
        story.unknown(cancel("q5", "p2"));
        story.done(pay("q6", "ada", 60), told(payment("p3", 60, "DECLINED", 0, 0, 2)));
        story.unknown(pay("q7", "ada", 70));
        story.unknown(pay("q8", "ada", 70));
        story.done(pay_at_once("q9", "ada", 80), told(payment("p6", 80, "CAPTURED", 80, 0, 3)));
        story.unknown(refund("q10", "p6", 80));
    });
    found_in_the_books(&mut story);
    story
}

fn found_in_the_books(story: &mut Story) {
    for found in [
        payment("p1", 1_000, "PARTIALLY_REFUNDED", 800, 300, 6),
        payment("p2", 50, "VOIDED", 0, 0, 4),
        payment("p3", 60, "DECLINED", 0, 0, 2),
        payment("p4", 70, "AUTHORIZED", 0, 0, 2),
        payment("p6", 80, "CAPTURED", 80, 0, 5),
    ] {
        story.found(Found::Payment(found));
    }
    for found in [
        entry(2, "p1:1", "PENDING", true, 1_000),
        entry(4, "p1:2", "POSTED", true, 800),
        entry(5, "p1:3", "PENDING", false, 300),
        entry(6, "p1:3", "POSTED", false, 300),
        entry(8, "p2:1", "PENDING", true, 50),
        entry(10, "p2:2", "VOIDED", true, 50),
        entry(12, "p4:1", "PENDING", true, 70),
        entry(14, "p6:1", "PENDING", true, 80),
        entry(15, "p6:2", "POSTED", true, 80),
        entry(16, "p6:3", "PENDING", false, 80),
        entry(17, "p6:3", "VOIDED", false, 80),
    ] {
        story.found(Found::Entry(found));
    }
    story.found(Found::Balance(balance(70, 880, 0, 300)));
    for found in [
        transaction("p1:1", "AUTHORIZE", 1_000, "SETTLED"),
        transaction("p1:2", "CAPTURE", 800, "SETTLED"),
        transaction("p1:3", "REFUND", 300, "SETTLED"),
        transaction("p2:1", "AUTHORIZE", 50, "SETTLED"),
        transaction("p2:2", "VOID", 50, "SETTLED"),
        transaction("p3:1", "AUTHORIZE", 60, "DECLINED"),
        transaction("p4:1", "AUTHORIZE", 70, "SETTLED"),
        transaction("p6:1", "AUTHORIZE", 80, "SETTLED"),
        transaction("p6:2", "CAPTURE", 80, "SETTLED"),
        transaction("p6:3", "REFUND", 80, "DECLINED"),
    ] {
        story.found(Found::Transaction(found));
    }
    for (template, which) in [
        ("payment_captured", "1"),
        ("payment_captured", "6"),
        ("payment_refunded", "1"),
        ("payment_canceled", "2"),
        ("payment_failed", "3"),
    ] {
        story.mailed("ada", template, which);
    }
}

#[test]
fn a_history_of_users_holds() {
    people().holds();
}

#[test]
fn a_history_of_users_and_payments_holds() {
    payments().holds();
}

#[test]
fn a_history_of_one_call_holds() {
    let mut story = Story::new();
    story.done(create("r", "ada@example.org", "Ada"), Answer::User(user("ada", "Ada", 1)));
    story.quiet();
    story.whole(user("ada", "Ada", 1), profile("ada", "Ada", 1));
    story.holds();
}

#[test]
fn an_unknown_change_may_have_happened_or_not() {
    let with = |user_version: usize, profile_version: usize| {
        let (called, shown) = (["Ada L.", "Ada X."], ["A. L.", "A. X."]);
        let changed = people().before_quiet(|story| {
            story.unknown(update("r9", "ada", "Ada X."));
            story.unknown(update_profile("ada", "A. X."));
        });
        changed.find(move |found| match found {
            Found::User(found) if found.user_id == "ada" => {
                *found = user("ada", called[user_version - 2], user_version as u64);
            }
            Found::Profile(found) if found.user_id == "ada" => {
                *found = profile("ada", shown[profile_version - 2], profile_version as u64);
            }
            _ => {}
        })
    };
    for (user_version, profile_version) in [(2, 2), (2, 3), (3, 2), (3, 3)] {
        with(user_version, profile_version).holds();
    }
}

#[test]
fn an_unknown_deletion_may_have_happened_or_not() {
    let tried = || people().before_quiet(|story| story.unknown(delete("r9", "dora")));
    tried().holds();
    let is_of_dora = |found: &Found| match found {
        Found::User(user) | Found::Profile(user) => user.user_id == "dora",
        Found::Email { user_id, .. } => user_id.as_deref() == Some("dora"),
        _ => false,
    };
    let mut gone = tried().without(is_of_dora);
    gone.nobody("dora", "dan@example.org");
    gone.clone().holds();
    // Whether the welcome was still sent is chance, and so is whether anybody lists what a deleted user had.
    let unsent = gone.clone().find(|found| {
        if let Found::Notification(found) = found
            && found.user_id == "dora"
        {
            found.state = text("FAILED");
        }
    });
    unsent.holds();
    gone.without(|found| matches!(found, Found::Notification(found) if found.user_id == "dora")).holds();
}

#[test]
fn a_call_without_an_end_may_have_happened_or_not() {
    let without_ends = |story: Story| story.without_line(|record| matches!(record, Record::Info { .. }));
    without_ends(people()).holds();
    without_ends(payments()).holds();
}

#[test]
fn an_address_may_be_given_again_by_a_deletion_that_is_unknown() {
    let replaced = |story: Story| {
        story.without_line(|record| matches!(record, Record::Ok { answer: Answer::Deleted, .. }))
    };
    // The deletion begins before dora is created, and may have happened then.
    let story = replaced(people())
        .without_line(|record| matches!(record, Record::Fail { reason, .. } if reason == "USER_NOT_FOUND"));
    story.holds();
}

#[test]
fn a_repeat_of_a_request_is_told_what_was_told_before() {
    let repeated = people().before_quiet(|story| {
        story.done(update("r9", "ada", "Ada X."), Answer::User(user("ada", "Ada X.", 3)));
        story.done(update("r2", "ada", "Ada L."), Answer::User(user("ada", "Ada L.", 2)));
        story.done(create("r1", "ada@example.org", "Ada"), Answer::User(user("ada", "Ada", 1)));
    });
    let found = repeated.find(|found| {
        if let Found::User(found) = found
            && found.user_id == "ada"
        {
            *found = user("ada", "Ada X.", 3);
        }
    });
    found.holds();
}

#[test]
fn a_profile_may_begin_with_a_later_name_of_its_user() {
    let mut story = Story::new();
    story.done(create("r1", "ada@example.org", "Ada"), Answer::User(user("ada", "Ada", 1)));
    story.done(update("r2", "ada", "Ada L."), Answer::User(user("ada", "Ada L.", 2)));
    story.quiet();
    story.whole(user("ada", "Ada L.", 2), profile("ada", "Ada L.", 1));
    story.holds();
}

#[test]
fn payments_of_users_whom_the_history_does_not_know_hold_without_receipts() {
    let mut story = Story::new();
    let found = payment("p", 5, "CAPTURED", 5, 0, 3);
    story.done(pay_at_once("q", "ada", 5), Answer::Payment(found.clone()));
    story.quiet();
    story.found(Found::Payment(found));
    story.found(Found::Entry(entry(2, "p:1", "PENDING", true, 5)));
    story.found(Found::Entry(entry(3, "p:2", "POSTED", true, 5)));
    story.found(Found::Balance(balance(0, 5, 0, 0)));
    story.found(Found::Transaction(transaction("p:1", "AUTHORIZE", 5, "SETTLED")));
    story.found(Found::Transaction(transaction("p:2", "CAPTURE", 5, "SETTLED")));
    story.holds();
}
