//! C1, broken by itself.

use super::{
    Invariant::C1,
    Story,
    builder::{
        create, delete, get, get_payment, get_profile, pay, payment, profile, text, update, update_profile,
        user,
    },
    clean::{payments, people},
};
use crate::history::{Answer, Call};

/// One more call, by a client who was told nothing before.
fn told_another(story: Story, call: Call, answer: Answer) -> Story {
    story.before_quiet(|story| {
        let op = story.begin(3, call);
        story.ok(op, answer);
    })
}

fn refused_another(story: Story, call: Call, code: &str, reason: &str) -> Story {
    story.before_quiet(|story| {
        let op = story.begin(3, call);
        story.fail(op, code, reason);
    })
}

#[test]
fn a_stale_read_after_an_acknowledged_change_breaks_c1() {
    let story = told_another(people(), get_profile("ada"), Answer::Profile(profile("ada", "Ada", 1)));
    story.breaks(C1, "GetProfile of the profile of user ada told version 1, after 2 had been acknowledged");
    let story = told_another(people(), get("ada"), Answer::User(user("ada", "Ada", 1)));
    story.breaks(C1, "GetUser of user ada told version 1, after 2 had been acknowledged");
    let old = Answer::Payment(payment("p1", 1_000, "CAPTURING", 0, 0, 3));
    let story = told_another(payments(), get_payment("p1"), old);
    story.breaks(C1, "GetPayment of payment p1 told version 3, after 6 had been acknowledged");
}

#[test]
fn a_repeat_that_tells_a_payment_as_it_was_breaks_c1() {
    let old = Answer::Payment(payment("p1", 1_000, "AUTHORIZED", 0, 0, 2));
    let story = told_another(payments(), pay("q1", "ada", 1_000), old);
    story.breaks(C1, "CreatePayment of payment p1 told version 2, after 6 had been acknowledged");
}

#[test]
fn a_read_that_began_before_the_change_ended_may_be_older() {
    let story = people().before_quiet(|story| {
        let read = story.begin(3, get_profile("dora"));
        story.done(update_profile("dora", "D."), Answer::Profile(profile("dora", "D.", 2)));
        story.ok(read, Answer::Profile(profile("dora", "Dora", 1)));
    });
    let story = story.find(|found| match found {
        super::Found::Profile(found) if found.user_id == "dora" => *found = profile("dora", "D.", 2),
        _ => {}
    });
    story.holds();
}

#[test]
fn a_client_that_reads_backwards_breaks_c1() {
    // The change is unknown, so that only what a client saw says that it happened.
    let story = |second: u32| {
        let story = people().before_quiet(|story| {
            story.unknown(update_profile("dora", "D."));
            for (client, name, version) in [(1, "D.", 2), (second, "Dora", 1)] {
                let read = story.begin(client, get_profile("dora"));
                story.ok(read, Answer::Profile(profile("dora", name, version)));
            }
        });
        story.find(|found| match found {
            super::Found::Profile(found) if found.user_id == "dora" => *found = profile("dora", "D.", 2),
            _ => {}
        })
    };
    story(1).breaks(C1, "told version 1, after 2 had been told to the same client");
    story(2).breaks(C1, "told version 1, after 2 had been told to another client");
}

#[test]
fn two_reads_at_once_may_tell_two_versions() {
    let story = people().before_quiet(|story| {
        story.unknown(update_profile("dora", "D."));
        let old = story.begin(2, get_profile("dora"));
        let new = story.begin(1, get_profile("dora"));
        story.ok(new, Answer::Profile(profile("dora", "D.", 2)));
        story.ok(old, Answer::Profile(profile("dora", "Dora", 1)));
    });
    let story = story.find(|found| match found {
        super::Found::Profile(found) if found.user_id == "dora" => *found = profile("dora", "D.", 2),
        _ => {}
    });
    story.holds();
}

#[test]
fn somebody_who_was_read_and_is_said_to_be_nobody_breaks_c1() {
    // Only a read tells that the creation of bob, which is unknown, had happened.
    let read = told_another(people(), get("bob"), Answer::User(user("bob", "Bob", 1)));
    let story = refused_another(read.clone(), get("bob"), "NOT_FOUND", "USER_NOT_FOUND");
    story.breaks(C1, "GetUser was told that user bob is not there, after it was");
    let story = refused_another(read, get_profile("bob"), "NOT_FOUND", "USER_NOT_FOUND");
    story.breaks(C1, "GetProfile was told that the profile of user bob is not there, after it was");
}

#[test]
fn a_version_that_nobody_wrote_breaks_c1() {
    let story = told_another(people(), get("ada"), Answer::User(user("ada", "Ada L.", 3)));
    story.breaks(C1, "version 3 of user ada was told, and nobody wrote more than 2");
    let story = told_another(
        people(),
        get("dora"),
        Answer::User(crate::history::User { email: text("Dan@example.org"), ..user("dora", "Dora", 0) }),
    );
    let broken = story.broken();
    assert!(broken.iter().any(|v| v.what.starts_with("version 0 of user dora was told")), "{broken:?}");
    // A change that begins after the read cannot be in it.
    let story = people().before_quiet(|story| {
        let read = story.begin(3, get("ada"));
        story.ok(read, Answer::User(user("ada", "Ada X.", 3)));
        story.unknown(update("r9", "ada", "Ada X."));
    });
    story.breaks(C1, "version 3 of user ada was told, and nobody wrote more than 2");
}

#[test]
fn a_name_that_nobody_gave_breaks_c1() {
    let story = told_another(people(), get_profile("dora"), Answer::Profile(profile("dora", "Nora", 1)));
    story.breaks(C1, "the profile of user dora was told with a name that nobody gave");
}

#[test]
fn one_version_with_two_contents_breaks_c1() {
    let story = told_another(people(), get("ada"), Answer::User(user("ada", "Ada", 2)));
    story.breaks(C1, "version 2 of user ada was told in two ways");
    let other = Answer::Payment(payment("p1", 1_000, "CAPTURED", 800, 0, 6));
    let story = told_another(payments(), get_payment("p1"), other);
    let broken = story.broken();
    assert!(broken.iter().any(|v| v.what == "version 6 of payment p1 was told in two ways"), "{broken:?}");
}

#[test]
fn a_change_that_makes_no_newer_version_breaks_c1() {
    let story = told_another(people(), update("r9", "ada", "Ada L."), Answer::User(user("ada", "Ada L.", 2)));
    let broken = story.broken();
    let what = "UpdateUser of user ada told version 2, after 2 had been acknowledged";
    assert!(broken.iter().any(|v| v.invariant == C1 && v.what == what), "{broken:?}");
}

#[test]
fn somebody_who_is_said_to_be_nobody_breaks_c1() {
    for (call, of) in [
        (get("ada"), "GetUser was told that user ada is not there"),
        (get_profile("ada"), "GetProfile was told that the profile of user ada is not there"),
        (update("r9", "ada", "X"), "UpdateUser was told that user ada is not there"),
    ] {
        refused_another(people(), call, "NOT_FOUND", "USER_NOT_FOUND").breaks(C1, of);
    }
    let story = refused_another(people(), pay("q1", "ada", 5), "FAILED_PRECONDITION", "USER_NOT_FOUND");
    story.breaks(C1, "CreatePayment was told that user ada is not there");
    let story = refused_another(payments(), get_payment("p1"), "NOT_FOUND", "PAYMENT_NOT_FOUND");
    story.breaks(C1, "GetPayment was told that payment p1 is not there");
}

#[test]
fn somebody_who_may_be_deleted_may_be_nobody() {
    let story = people().before_quiet(|story| story.unknown(delete("r9", "dora")));
    let story = refused_another(story, get("dora"), "NOT_FOUND", "USER_NOT_FOUND");
    let is_of_dora = |found: &super::Found| match found {
        super::Found::User(user) | super::Found::Profile(user) => user.user_id == "dora",
        super::Found::Email { user_id, .. } => user_id.as_deref() == Some("dora"),
        _ => false,
    };
    let mut story = story.without(is_of_dora);
    story.nobody("dora", "dan@example.org");
    story.holds();
}

#[test]
fn somebody_may_be_read_while_they_are_deleted_and_a_request_repeated_afterwards() {
    let mut story = Story::new();
    story.done(create("r1", "dan@example.org", "Dan"), Answer::User(user("dan", "Dan", 1)));
    story.done(update("r2", "dan", "Daniel"), Answer::User(user("dan", "Daniel", 2)));
    let read = story.begin(1, get("dan"));
    story.done(delete("r3", "dan"), Answer::Deleted);
    story.ok(read, Answer::User(user("dan", "Daniel", 2)));
    story.done(update("r2", "dan", "Daniel"), Answer::User(user("dan", "Daniel", 2)));
    story.quiet();
    story.nobody("dan", "dan@example.org");
    story.holds();
}

#[test]
fn somebody_who_is_deleted_and_read_breaks_c1() {
    let story = told_another(people(), get_profile("dan"), Answer::Profile(profile("dan", "Dan", 1)));
    story.breaks(C1, "GetProfile found user dan, who was deleted");
}
