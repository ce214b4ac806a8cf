//! U1 and U2: who is a user, under which address and name.

use std::collections::BTreeMap;

use super::{
    Invariant::{U1, U2},
    found::Books,
    operations::{Operation, Operations},
    people::{Creation, People, Person, may_be_called, normal},
    verdict::Tally,
};
use crate::history::{Call, User};

/// What can be told from answers alone.
pub(super) fn check_answers(operations: &Operations<'_>, people: &People<'_>, tally: &mut Tally) {
    says_what_was_asked_for(operations, tally);
    one_request_one_user(people, tally);
    one_address_one_creation(people, tally);
}

/// What can be told from the end.
pub(super) fn check(operations: &Operations<'_>, people: &People<'_>, books: &Books<'_>, tally: &mut Tally) {
    for (id, lines) in &books.ambiguous {
        tally.broke(U1, *lines, format_args!("user {id} was found twice, and not the same"));
    }
    for (email, lines) in &books.disputed {
        tally.broke(U1, *lines, format_args!("{email} was found twice, and not to be the same user's"));
    }
    for (id, person) in &people.by_id {
        match people.creation(person) {
            Some(creation) => acknowledged(id, person, creation, books, tally),
            None => unacknowledged(id, person, people, books, tally),
        }
    }
    one_address_one_user(people, books, tally);
    refused_for_another(operations, people, books, tally);
}

/// U1: an acknowledged creation tells the user that was asked for, at version 1, an acknowledged change the new
/// name, and every call about a user or a profile that one.
fn says_what_was_asked_for(operations: &Operations<'_>, tally: &mut Tally) {
    for operation in operations.iter() {
        let Some(user) = operation.user().or_else(|| operation.profile()) else { continue };
        let is_so = match operation.call {
            Call::CreateUser { email, display_name, .. } => {
                (user.email.as_str(), user.display_name.as_str(), user.version)
                    == (email.trim(), display_name.trim(), 1)
            }
            Call::UpdateUser { user_id, display_name, .. }
            | Call::UpdateProfile { user_id, display_name } => {
                user.user_id == *user_id && user.display_name == display_name.trim()
            }
            Call::GetUser { user_id } | Call::GetProfile { user_id } => user.user_id == *user_id,
            _ => true,
        };
        if !is_so {
            let method = operation.method();
            tally.broke(U1, operation.lines(), format_args!("{method} was answered with another user"));
        }
    }
}

/// U1: one request, however often it is repeated, makes one user.
fn one_request_one_user(people: &People<'_>, tally: &mut Tally) {
    for creation in &people.creations {
        let mut users = creation.users().map(|user| user.user_id.as_str());
        let Some(first) = users.next() else { continue };
        if let Some(other) = users.find(|other| *other != first) {
            tally.broke(U1, creation.lines(), format_args!("one request created users {first} and {other}"));
        }
    }
}

/// U1: of two acknowledged creations under one address, one user may have been deleted before the other was
/// created.
fn one_address_one_creation(people: &People<'_>, tally: &mut Tally) {
    for (email, places) in &people.by_email {
        let creations = places.iter().map(|place| &people.creations[*place]);
        let mut acked: Vec<_> = creations.filter(|creation| creation.is_ok()).collect();
        // In the order in which they ended, each must make room for the next, or the next for it.
        acked.sort_unstable_by_key(|creation| creation.ended());
        for pair in acked.windows(2) {
            let [one, other] = pair else { continue };
            if !(may_make_room(one, other, people) || may_make_room(other, one, people)) {
                let lines = one.lines().chain(other.lines());
                tally.broke(U1, lines, format_args!("two users were created under {email}"));
            }
        }
    }
}

/// Whether the user of `first` may have been deleted before `second` happened.
fn may_make_room(first: &Creation<'_>, second: &Creation<'_>, people: &People<'_>) -> bool {
    let persons = first.users().filter_map(|user| people.by_id.get(user.user_id.as_str()));
    persons.map(Person::may_be_gone_from).min().is_some_and(|gone| gone < second.ended())
}

/// U1, for an acknowledged user. Not deleted: found by id, and by address under this id, with the address of the
/// creation and a name that the version can have. Deleted for sure: found by neither. Perhaps deleted: found by
/// both or by neither. Whoever they are, somebody looked for them in both ways.
fn acknowledged(
    id: &str,
    person: &Person<'_>,
    creation: &Creation<'_>,
    books: &Books<'_>,
    tally: &mut Tally,
) {
    let found = books.users.get(id);
    let lines = || creation.lines().chain(found.map(|at| at.line));
    let (email_line, owner) = match books.emails.get(&creation.email) {
        Some((line, owner)) => (Some(*line), *owner),
        None => (None, None),
    };
    let is_owner = owner == Some(id);
    if email_line.is_none() {
        tally.broke(U1, lines(), format_args!("nobody looked for the address of user {id}"));
    }
    match found {
        Some(at) if person.is_deleted() => {
            let lines = lines().chain(person.deletions.iter().flat_map(|deletion| deletion.lines()));
            tally.broke(U1, lines, format_args!("user {id} was deleted and is there (line {})", at.line));
        }
        Some(at) => {
            if let Some(no) = books.no_users.get(id) {
                tally.broke(U1, lines().chain([*no]), format_args!("user {id} was found, and was not"));
            }
            equals_its_creation(at.found, person, creation, lines(), tally);
            if let Some(line) = email_line.filter(|_| !is_owner) {
                let what = format_args!("user {id} is there, but not under the address");
                tally.broke(U1, lines().chain([line]), what);
            }
        }
        None if person.may_be_deleted() && books.no_users.contains_key(id) => {
            if is_owner {
                let what = format_args!("user {id} is not there, but has an address");
                tally.broke(U1, lines().chain(email_line), what);
            }
        }
        None => match books.no_users.get(id) {
            Some(line) => {
                tally.broke(U1, lines().chain([*line]), format_args!("user {id} was created and is lost"));
            }
            None => tally.broke(U1, lines(), format_args!("nobody looked for user {id}")),
        },
    }
}

fn equals_its_creation(
    user: &User,
    person: &Person<'_>,
    creation: &Creation<'_>,
    lines: impl Iterator<Item = usize>,
    tally: &mut Tally,
) {
    let User { user_id, email, display_name, version } = user;
    let is_named = may_be_called(display_name, *version, &person.changes, |name| name == creation.name);
    // A version that no change explains is U3's to tell.
    let is_possible = (1..=1 + person.changes.len() as u64).contains(version);
    if email != creation.given_email || (is_possible && !is_named) {
        tally.broke(U1, lines, format_args!("user {user_id} was found with other fields than it was given"));
    }
}

/// A user whose creation nobody acknowledged.
///
/// U1: there is a creation of this address of which nobody knows whether it happened; otherwise the user is
/// invented. U2: then it happened as a whole: the user has the address and a name that was asked for, is found under
/// the address, and has a profile and a welcome.
fn unacknowledged(id: &str, person: &Person<'_>, people: &People<'_>, books: &Books<'_>, tally: &mut Tally) {
    let Some(at) = books.users.get(id) else { return };
    let email = normal(&at.found.email);
    let unknown: Vec<_> = people.creations_of(&email).filter(|creation| creation.is_unknown()).collect();
    if unknown.is_empty() {
        tally.broke(U1, [at.line], format_args!("user {id} was found, whom nobody can have created"));
        return;
    }
    if person.is_deleted() {
        tally.broke(U1, [at.line], format_args!("user {id} was deleted and is there"));
        return;
    }
    let lines = || unknown.iter().flat_map(|creation| creation.lines()).chain([at.line]);
    let asked = |name: &str| {
        unknown.iter().any(|creation| creation.name == name && creation.given_email == at.found.email)
    };
    if !may_be_called(&at.found.display_name, at.found.version, &person.changes, asked) {
        tally.broke(U2, lines(), format_args!("user {id} was created otherwise than it was asked for"));
    }
    if books.emails.get(&email).and_then(|(_, owner)| *owner) != Some(id) {
        tally.broke(U2, lines(), format_args!("user {id} was half created: not under the address"));
    }
    if !books.profiles.contains_key(id) {
        tally.broke(U2, lines(), format_args!("user {id} was half created: without a profile"));
    }
    let welcomes = books.notifications.get(id).into_iter().flatten();
    if !welcomes.into_iter().any(|at| at.found.template == "welcome") {
        tally.broke(U2, lines(), format_args!("user {id} was half created: without a welcome"));
    }
}

/// U1: no two users that were found have the same address, and an address that was found to be somebody's is that
/// user's own. U2: it is not that of somebody who is not there and was never acknowledged.
fn one_address_one_user(people: &People<'_>, books: &Books<'_>, tally: &mut Tally) {
    let mut owners = BTreeMap::new();
    for (id, at) in &books.users {
        if let Some((other, line)) = owners.insert(normal(&at.found.email), (*id, at.line)) {
            let email = &at.found.email;
            tally.broke(U1, [line, at.line], format_args!("users {other} and {id} both have {email}"));
        }
    }
    for (email, (line, owner)) in &books.emails {
        let Some(owner) = *owner else { continue };
        let is_acked = people.by_id.get(owner).is_some_and(|person| person.created.is_some());
        match books.users.get(owner) {
            Some(at) if normal(&at.found.email) == *email => {}
            Some(at) => {
                let what = format_args!("{email} is user {owner}'s, who has another address");
                tally.broke(U1, [*line, at.line], what);
            }
            // Lost, or gone: that is told above.
            None if is_acked => {}
            None => {
                let is_unknown = people.creations_of(email).any(Creation::is_unknown);
                let what = format_args!("{email} is user {owner}'s, who is not there");
                tally.broke(if is_unknown { U2 } else { U1 }, [*line], what);
            }
        }
    }
}

/// U2: who was refused an address because it was taken was refused for another creation of that address, which
/// happened, or may have, before the refusal, and whose user was not surely gone when the refused call began. A
/// creation of which nothing is found at the end, and whose user nobody can have deleted, did not happen.
fn refused_for_another(
    operations: &Operations<'_>,
    people: &People<'_>,
    books: &Books<'_>,
    tally: &mut Tally,
) {
    let owners: BTreeMap<String, &str> =
        books.users.iter().map(|(id, at)| (normal(&at.found.email), *id)).collect();
    for refused in operations.iter().filter(|operation| operation.failed_for("EMAIL_TAKEN")) {
        let Call::CreateUser { email, .. } = refused.call else { continue };
        let email = normal(email);
        let owner = owners.get(&email).copied();
        let mut others = people.creations_of(&email);
        if !others.any(|creation| may_have_owned(creation, refused, owner, people)) {
            tally.broke(U2, refused.lines(), format_args!("{email} was refused as taken, and was nobody's"));
        }
    }
}

/// Whether the user of `creation` may have had its address while `refused` was under way. `owner` has it now.
fn may_have_owned(
    creation: &Creation<'_>,
    refused: &Operation<'_>,
    owner: Option<&str>,
    people: &People<'_>,
) -> bool {
    let is_its_own = creation.operations.iter().any(|operation| operation.begun == refused.begun);
    if is_its_own || creation.begun() > refused.ended {
        return false;
    }
    if creation.is_ok() {
        let mut persons = creation.users().filter_map(|user| people.by_id.get(user.user_id.as_str()));
        return persons.any(|person| person.is_gone_from() > refused.begun);
    }
    // The owner of now is this creation's, unless another one was acknowledged to have made it.
    let is_its = |id| people.by_id.get(id).is_some_and(|person| person.created.is_none());
    creation.is_unknown() && owner.is_some_and(is_its)
}
