//! U3: profiles, and changes of users and profiles.

use std::collections::BTreeMap;

use super::{
    Invariant::U3,
    found::{At, Books},
    people::{Change, People, Person, may_be_called},
    verdict::Tally,
};
use crate::history::User;

pub(super) fn check(people: &People<'_>, books: &Books<'_>, tally: &mut Tally) {
    for (id, person) in &people.by_id {
        if person.created.is_some() {
            has_a_profile(id, person, books, tally);
        }
        if let Some(at) = books.users.get(id) {
            changed_once_each("user", *at, &person.changes, tally);
        }
        if let Some(at) = books.profiles.get(id) {
            changed_once_each("profile", *at, &person.profile_changes, tally);
            is_called_as_asked(id, *at, person, people, tally);
        }
    }
    for (id, at) in &books.profiles {
        if !people.by_id.contains_key(id) {
            tally.broke(
                U3,
                [at.line],
                format_args!("a profile of user {id}, whom nobody created, was found"),
            );
        }
    }
}

/// A profile is there if and only if its user is. (Of a user whose creation nobody acknowledged that is U2's.)
fn has_a_profile(id: &str, person: &Person<'_>, books: &Books<'_>, tally: &mut Tally) {
    let (user, profile) = (books.users.get(id), books.profiles.get(id));
    match (user, profile) {
        (Some(user), None) if !person.is_deleted() => match books.no_profiles.get(id) {
            Some(line) => tally.broke(U3, [user.line, *line], format_args!("user {id} has no profile")),
            None => tally.broke(U3, [user.line], format_args!("nobody looked for the profile of user {id}")),
        },
        (None, Some(profile)) => {
            tally.broke(U3, [profile.line], format_args!("user {id} is not there and has a profile"));
        }
        // Also of somebody who is deleted: a profile may be left.
        (None, None) if !books.no_profiles.contains_key(id) => {
            let lines = books.no_users.get(id).copied();
            tally.broke(U3, lines, format_args!("nobody looked for the profile of user {id}"));
        }
        _ => {}
    }
}

/// Every acknowledged change made another version, all of them are in the one that was found, and beyond them
/// there is at most one version for each change of which nobody knows whether it happened.
fn changed_once_each(what: &str, at: At<'_, User>, changes: &[Change<'_>], tally: &mut Tally) {
    let User { user_id, version, .. } = at.found;
    let (mut made, mut acked) = (BTreeMap::new(), 0_u64);
    for change in changes {
        let Some((by, line)) = change.made else { continue };
        acked += 1;
        if let Some(other) = made.insert(by, line) {
            let what = format_args!("two changes of {what} {user_id} both made version {by}");
            tally.broke(U3, [other, line], what);
        }
    }
    let unknown = changes.len() as u64 - acked;
    let newest = made.last_key_value().map_or(1, |(version, _)| *version);
    let least = newest.max(1 + acked);
    let lines = || changes.iter().flat_map(Change::lines).chain([at.line]);
    if *version < least {
        let what = format_args!(
            "{what} {user_id} is at version {version}, but at least {least} was acknowledged: a change is lost"
        );
        tally.broke(U3, lines(), what);
    } else if *version > 1 + acked + unknown {
        let what = format_args!(
            "{what} {user_id} is at version {version}, but {acked} changes and {unknown} unknown ones make less"
        );
        tally.broke(U3, lines(), what);
    }
}

/// A profile is called as its version says. It begins with the name that its user had at that time.
fn is_called_as_asked(
    id: &str,
    at: At<'_, User>,
    person: &Person<'_>,
    people: &People<'_>,
    tally: &mut Tally,
) {
    // How somebody was called whose creation nobody acknowledged is U2's.
    let Some(creation) = people.creation(person) else { return };
    let first = |name: &str| creation.name == name || person.changes.iter().any(|change| change.name == name);
    let User { display_name, version, .. } = at.found;
    let is_possible = (1..=1 + person.profile_changes.len() as u64).contains(version);
    if is_possible && !may_be_called(display_name, *version, &person.profile_changes, first) {
        let lines = person.profile_changes.iter().flat_map(Change::lines).chain([at.line]);
        tally.broke(U3, lines, format_args!("the profile of user {id} has a name that nobody gave it"));
    }
}
