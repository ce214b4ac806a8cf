//! U1, U2, U3 and Quiet, each broken by itself.

use super::{
    Invariant::{Quiet, U1, U2, U3},
    Story,
    builder::{create, delete, get, get_profile, profile, text, update, update_profile, user},
    check,
    clean::people,
};
use crate::history::{Answer, Found, Record, User};

fn is_user(found: &Found, id: &str) -> bool {
    matches!(found, Found::User(user) if user.user_id == id)
}

fn is_profile(found: &Found, id: &str) -> bool {
    matches!(found, Found::Profile(user) if user.user_id == id)
}

fn is_email(found: &Found, id: &str) -> bool {
    matches!(found, Found::Email { user_id, .. } if user_id.as_deref() == Some(id))
}

fn is_welcome(found: &Found, id: &str) -> bool {
    matches!(found, Found::Notification(found) if found.user_id == id)
        || matches!(found, Found::Mail(mail) if mail.message_id.starts_with(&format!("{id}/")))
}

#[test]
fn a_lost_user_breaks_u1() {
    let mut story =
        people().without(|found| is_user(found, "ada") || is_profile(found, "ada") || is_email(found, "ada"));
    story.nobody("ada", "ada@example.org");
    // Eva was refused ada's address.
    let story =
        story.without_line(|record| matches!(record, Record::Fail { reason, .. } if reason == "EMAIL_TAKEN"));
    story.breaks(U1, "user ada was created and is lost");
}

#[test]
fn a_refused_deletion_that_happened_breaks_u1() {
    let mut story =
        people().before_quiet(|story| story.refused(delete("r9", "dora"), "ABORTED", "ETAG_STALE"));
    story.clone().holds();
    story =
        story.without(|found| is_user(found, "dora") || is_profile(found, "dora") || is_email(found, "dora"));
    story.nobody("dora", "dan@example.org");
    story.breaks(U1, "user dora was created and is lost");
}

#[test]
fn a_user_whom_nobody_looked_for_breaks_u1() {
    let story = people().without(|found| is_user(found, "ada") || is_profile(found, "ada"));
    story.and(Found::NoProfile { user_id: text("ada") }).breaks(U1, "nobody looked for user ada");
    let is_dans = |found: &Found| match found {
        Found::NoUser { user_id } | Found::NoProfile { user_id } => user_id == "dan",
        _ => false,
    };
    people()
        .without(is_dans)
        .and(Found::NoProfile { user_id: text("dan") })
        .breaks(U1, "nobody looked for user dan");
    people().without(|found| is_email(found, "ada")).breaks(U1, "nobody looked for the address of user ada");
}

#[test]
fn an_address_that_leads_nowhere_breaks_u1() {
    let story = people().find(|found| {
        if is_email(found, "ada") {
            *found = Found::Email { email: text("ada@example.org"), user_id: None };
        }
    });
    story.breaks(U1, "user ada is there, but not under the address");
}

#[test]
fn other_fields_break_u1() {
    let with = |name: &str, email: &str| {
        let (name, email) = (name.to_owned(), email.to_owned());
        people().find(move |found| match found {
            Found::User(found) if found.user_id == "ada" => {
                (found.display_name, found.email) = (name.clone(), email.clone());
            }
            _ => {}
        })
    };
    with("Ada L.", "ada@example.org").holds();
    with("Ada", "ada@example.org").breaks(U1, "user ada was found with other fields");
    with("Ada L.", "Ada@example.org").breaks(U1, "user ada was found with other fields");
    // A change of which nobody knows whether it happened gives its own name, or none.
    let unknown = people().before_quiet(|story| story.unknown(update("r9", "ada", "Ada X.")));
    let called = |name: &'static str| {
        unknown.clone().find(move |found| match found {
            Found::User(found) if found.user_id == "ada" => *found = user("ada", name, 3),
            _ => {}
        })
    };
    called("Ada X.").holds();
    called("Ada L.").breaks(U1, "user ada was found with other fields");
}

#[test]
fn two_creations_of_one_address_break_u1() {
    let story = people().before_quiet(|story| {
        let twin = User { email: text("ADA@example.org"), ..user("twin", "Twin", 1) };
        story.done(create("r9", "ADA@example.org", "Twin"), Answer::User(twin));
    });
    let mut one = story.clone();
    one.nobody("twin", "twin@example.org");
    assert!(
        one.broken()
            .iter()
            .any(|v| v.invariant == U1 && v.what.contains("two users were created under ada@"))
    );
    let mut both = story;
    both.whole(
        User { email: text("ADA@example.org"), ..user("twin", "Twin", 1) },
        profile("twin", "Twin", 1),
    );
    both.breaks(U1, "both have ");
}

#[test]
fn an_address_of_another_breaks_u1() {
    let story = people().find(|found| {
        if is_email(found, "ada") {
            *found = Found::Email { email: text("ada@example.org"), user_id: Some(text("dora")) };
        }
    });
    story.breaks(U1, "ada@example.org is user dora's, who has another address");
}

#[test]
fn what_is_found_in_two_ways_breaks_u1() {
    let nobodys = Found::Email { email: text("ada@example.org"), user_id: None };
    people().and(nobodys).breaks(U1, "ada@example.org was found twice, and not to be the same user's");
    people().and(Found::User(user("ada", "Ada", 2))).breaks(U1, "user ada was found twice, and not the same");
    people().and(Found::NoUser { user_id: text("ada") }).breaks(U1, "user ada was found, and was not");
}

#[test]
fn an_invented_user_breaks_u1() {
    let mut story = people();
    story.whole(user("zoe", "Zoe", 1), profile("zoe", "Zoe", 1));
    story.breaks(U1, "user zoe was found, whom nobody can have created");
    // Who was refused did not happen.
    let mut story = people().before_quiet(|story| {
        story.refused(create("r9", "zoe@example.org", "Zoe"), "INVALID_ARGUMENT", "DISPLAY_NAME_INVALID");
    });
    story.whole(user("zoe", "Zoe", 1), profile("zoe", "Zoe", 1));
    story.breaks(U1, "user zoe was found, whom nobody can have created");
}

#[test]
fn a_deleted_user_who_is_there_breaks_u1() {
    let mut story = people().without(|found| matches!(found, Found::NoUser { .. } | Found::NoProfile { .. }));
    let dora = |found: &Found| is_user(found, "dora") || is_profile(found, "dora") || is_email(found, "dora");
    story = story
        .without(dora)
        .without_line(|record| matches!(record, Record::Found(found) if is_welcome(found, "dora")));
    story = story.without_line(
        |record| matches!(record, Record::Ok { answer: Answer::User(user), .. } if user.user_id == "dora"),
    );
    story.whole(user("dan", "Dan", 1), profile("dan", "Dan", 1));
    story.breaks(U1, "user dan was deleted and is there");
}

#[test]
fn a_deleted_user_whose_creation_is_unknown_and_who_is_there_breaks_u1() {
    let story = people().before_quiet(|story| story.done(delete("r9", "bob"), Answer::Deleted));
    story.breaks(U1, "user bob was deleted and is there");
}

#[test]
fn an_address_that_outlives_its_user_breaks_u1() {
    let story = people().before_quiet(|story| story.unknown(delete("r9", "ada")));
    let story = story.without(|found| is_user(found, "ada") || is_profile(found, "ada"));
    let mut story = story.and(Found::NoUser { user_id: text("ada") });
    story.found(Found::NoProfile { user_id: text("ada") });
    story.breaks(U1, "user ada is not there, but has an address");
}

#[test]
fn a_request_that_creates_two_users_breaks_u1() {
    let story = people().before_quiet(|story| {
        story.done(create("r1", "ada@example.org", "Ada"), Answer::User(user("ada2", "Ada", 1)));
    });
    assert!(
        story
            .broken()
            .iter()
            .any(|v| v.invariant == U1 && v.what.contains("one request created users ada and ada2"))
    );
}

#[test]
fn an_answer_about_something_else_breaks_u1() {
    let story = people().before_quiet(|story| {
        story.done(create("r9", "zoe@example.org", "Zoe"), Answer::User(user("zoe", "Zoe!", 1)));
    });
    let mut story = story;
    story.whole(user("zoe", "Zoe", 1), profile("zoe", "Zoe", 1));
    let broken = story.broken();
    assert!(
        broken.iter().any(|v| v.invariant == U1 && v.what == "CreateUser was answered with another user"),
        "{broken:?}"
    );
}

#[test]
fn an_answer_about_somebody_else_breaks_u1() {
    let dora = User { email: text("Dan@example.org"), ..user("dora", "Dora", 1) };
    let told = |call, answer| people().before_quiet(|story| story.done(call, answer));
    told(get("ada"), Answer::User(dora)).breaks(U1, "GetUser was answered with another user");
    let profile = Answer::Profile(profile("dora", "Dora", 1));
    told(get_profile("ada"), profile).breaks(U1, "GetProfile was answered with another user");
}

#[test]
fn a_refusal_for_nobody_breaks_u2() {
    let story = people().before_quiet(|story| {
        story.refused(create("r9", "eve@example.org", "E"), "ALREADY_EXISTS", "EMAIL_TAKEN");
        story.refused(create("r10", "new@example.org", "N"), "ALREADY_EXISTS", "EMAIL_TAKEN");
    });
    // Eve's creation is unknown, and nothing of it is there: it did not happen, and nobody can have deleted her.
    let broken = story.clone().broken();
    assert_eq!(broken.len(), 2, "{broken:#?}");
    story.breaks(U2, "new@example.org was refused as taken, and was nobody's");
}

#[test]
fn a_refusal_for_somebody_who_was_gone_breaks_u2() {
    let mut story = Story::new();
    let op = story.begin(1, create("r2", "dan@example.org", "Dave"));
    story.done(create("r1", "dan@example.org", "Dan"), Answer::User(user("dan", "Dan", 1)));
    story.done(delete("r3", "dan"), Answer::Deleted);
    let mut late = story.clone();
    // It began while dan was there.
    story.fail(op, "ALREADY_EXISTS", "EMAIL_TAKEN");
    story.quiet();
    story.nobody("dan", "dan@example.org");
    story.holds();
    late.info(op);
    late.refused(create("r4", "dan@example.org", "Dora"), "ALREADY_EXISTS", "EMAIL_TAKEN");
    late.quiet();
    late.nobody("dan", "dan@example.org");
    late.breaks(U2, "dan@example.org was refused as taken, and was nobody's");
}

#[test]
fn a_refusal_for_somebody_who_came_later_breaks_u2() {
    let mut story = Story::new();
    story.refused(create("r2", "dan@example.org", "Dan"), "ABORTED", "");
    story.refused(create("r1", "dan@example.org", "Dave"), "ALREADY_EXISTS", "EMAIL_TAKEN");
    story.done(create("r2", "dan@example.org", "Dan"), Answer::User(user("dan", "Dan", 1)));
    story.quiet();
    story.whole(user("dan", "Dan", 1), profile("dan", "Dan", 1));
    story.breaks(U2, "dan@example.org was refused as taken, and was nobody's");
}

#[test]
fn a_refusal_for_somebody_who_never_was_breaks_u2() {
    let mut story = Story::new();
    story.unknown(create("r1", "dan@example.org", "Dave"));
    story.refused(create("r2", "dan@example.org", "Dan"), "ALREADY_EXISTS", "EMAIL_TAKEN");
    // Nobody can have deleted dave, and here is somebody else: he never had the address.
    story.done(create("r3", "dan@example.org", "Dan"), Answer::User(user("dan", "Dan", 1)));
    story.quiet();
    story.whole(user("dan", "Dan", 1), profile("dan", "Dan", 1));
    story.breaks(U2, "dan@example.org was refused as taken, and was nobody's");
}

#[test]
fn a_refusal_for_oneself_breaks_u2() {
    let mut story = Story::new();
    story.unknown(create("r1", "dan@example.org", "Dan"));
    story.refused(create("r1", "dan@example.org", "Dan"), "ALREADY_EXISTS", "EMAIL_TAKEN");
    story.quiet();
    story.whole(user("dan", "Dan", 1), profile("dan", "Dan", 1));
    story.breaks(U2, "dan@example.org was refused as taken, and was nobody's");
}

#[test]
fn half_a_user_breaks_u2() {
    people()
        .without(|found| is_profile(found, "bob"))
        .breaks(U2, "user bob was half created: without a profile");
    people()
        .without(|found| is_welcome(found, "bob"))
        .breaks(U2, "user bob was half created: without a welcome");
    people()
        .without(|found| is_email(found, "bob"))
        .breaks(U2, "user bob was half created: not under the address");
    people()
        .without(|found| is_user(found, "bob") || is_profile(found, "bob"))
        .breaks(U2, "who is not there");
    let named = people().find(|found| match found {
        Found::User(found) if found.user_id == "bob" => found.display_name = text("Rob"),
        _ => {}
    });
    named.breaks(U2, "user bob was created otherwise than it was asked for");
    let spelled = people().find(|found| match found {
        Found::User(found) if found.user_id == "bob" => found.email = text("Bob@example.org"),
        _ => {}
    });
    spelled.breaks(U2, "user bob was created otherwise than it was asked for");
}

#[test]
fn a_missing_profile_breaks_u3() {
    let story = people().find(|found| {
        if is_profile(found, "ada") {
            *found = Found::NoProfile { user_id: text("ada") };
        }
    });
    story.breaks(U3, "user ada has no profile");
    people()
        .without(|found| is_profile(found, "dora"))
        .breaks(U3, "nobody looked for the profile of user dora");
    // A profile may be left of somebody who is deleted.
    people()
        .without(|found| matches!(found, Found::NoProfile { user_id } if user_id == "dan"))
        .breaks(U3, "nobody looked for the profile of user dan");
}

#[test]
fn a_profile_without_its_user_breaks_u3() {
    people()
        .and(Found::Profile(profile("dan", "Dan", 1)))
        .breaks(U3, "user dan is not there and has a profile");
    people()
        .and(Found::Profile(profile("ada", "A. L.", 2)))
        .breaks(U3, "the profile of user ada was found twice");
    people()
        .and(Found::Profile(profile("zoe", "Zoe", 1)))
        .breaks(U3, "a profile of user zoe, whom nobody created");
}

#[test]
fn a_lost_change_breaks_u3() {
    let back = |found: &mut Found| match found {
        Found::User(found) if found.user_id == "ada" => *found = user("ada", "Ada", 1),
        _ => {}
    };
    people().find(back).breaks(U3, "user ada is at version 1, but at least 2 was acknowledged");
    let back = |found: &mut Found| match found {
        Found::Profile(found) if found.user_id == "ada" => *found = profile("ada", "Ada", 1),
        _ => {}
    };
    people().find(back).breaks(U3, "profile ada is at version 1, but at least 2 was acknowledged");
    // Of two changes one is unknown, and the other one came after it.
    let story = people().before_quiet(|story| {
        story.unknown(update_profile("dora", "D."));
        story.done(update_profile("dora", "Do."), Answer::Profile(profile("dora", "Do.", 3)));
    });
    let at = |version: u64, name: &'static str| {
        story.clone().find(move |found| match found {
            Found::Profile(found) if found.user_id == "dora" => *found = profile("dora", name, version),
            _ => {}
        })
    };
    at(3, "Do.").holds();
    at(2, "D.").breaks(U3, "profile dora is at version 2, but at least 3 was acknowledged");
}

#[test]
fn a_change_that_happened_twice_breaks_u3() {
    let story = people().before_quiet(|story| {
        let one = story.begin(1, update("r9", "ada", "Ada X."));
        let other = story.begin(2, update_profile("ada", "A. X."));
        story.ok(one, Answer::User(user("ada", "Ada X.", 3)));
        story.ok(other, Answer::Profile(profile("ada", "A. X.", 3)));
    });
    let at = |version: u64| {
        story.clone().find(move |found| match found {
            Found::User(found) if found.user_id == "ada" => *found = user("ada", "Ada X.", version),
            Found::Profile(found) if found.user_id == "ada" => *found = profile("ada", "A. X.", version),
            _ => {}
        })
    };
    at(3).holds();
    at(4).breaks(U3, "user ada is at version 4, but 2 changes and 0 unknown ones make less");
}

#[test]
fn a_refused_change_that_happened_breaks_u3() {
    let story = people().before_quiet(|story| {
        story.refused(update("r9", "ada", "Ada X."), "ABORTED", "ETAG_STALE");
        story.refused(update_profile("ada", "A. X."), "ABORTED", "ETAG_STALE");
    });
    story.clone().holds();
    let of_user = story.clone().find(|found| match found {
        Found::User(found) if found.user_id == "ada" => *found = user("ada", "Ada X.", 3),
        _ => {}
    });
    of_user.breaks(U3, "user ada is at version 3, but 1 changes and 0 unknown ones make less");
    let of_profile = story.find(|found| match found {
        Found::Profile(found) if found.user_id == "ada" => *found = profile("ada", "A. X.", 3),
        _ => {}
    });
    of_profile.breaks(U3, "profile ada is at version 3, but 1 changes and 0 unknown ones make less");
}

#[test]
fn two_changes_of_one_version_break_u3() {
    let story = people().before_quiet(|story| {
        let (one, other) =
            (story.begin(1, update("r9", "ada", "X")), story.begin(2, update("r10", "ada", "X")));
        story.ok(one, Answer::User(user("ada", "X", 3)));
        story.ok(other, Answer::User(user("ada", "X", 3)));
    });
    let story = story.find(|found| match found {
        Found::User(found) if found.user_id == "ada" => *found = user("ada", "X", 3),
        _ => {}
    });
    story.breaks(U3, "two changes of user ada both made version 3");
}

#[test]
fn a_profile_with_a_name_from_nowhere_breaks_u3() {
    let story = people().find(|found| match found {
        Found::Profile(found) if found.user_id == "dora" => found.display_name = text("Nora"),
        _ => {}
    });
    story.breaks(U3, "the profile of user dora has a name that nobody gave it");
}

#[test]
fn what_does_not_come_to_rest_is_broken() {
    let story = people().without_line(|record| matches!(record, Record::Quiet { .. } | Record::Found(_)));
    story.breaks(Quiet, "ends before it became quiet");
    let mut story = people().without_line(|record| matches!(record, Record::Found(_) | Record::Quiet { .. }));
    story.leave("outbox");
    let broken = story.broken();
    assert!(broken.iter().any(|v| v.invariant == Quiet && v.what == "still under way: outbox"), "{broken:?}");
}

#[test]
fn a_history_that_was_not_written_to_its_end_breaks_quiet() {
    // All that is missing is what nobody is sure to have caused.
    let story = people();
    story.clone().holds();
    let cut_off = check(&story.cut_off().unwrap());
    let [violation] = cut_off.broken.as_slice() else { panic!("{cut_off}") };
    assert_eq!(
        (violation.invariant, violation.what.as_str()),
        (Quiet, "the history was not written to its end")
    );
}
