//! Who may be a user, by what was asked for and by what was found.

use std::collections::{BTreeMap, HashMap};

use super::{
    found::Books,
    operations::{Operation, Operations},
};
use crate::history::{Call, User};

/// All calls that ask for the same new user: the same request, however often it was made.
#[derive(Debug)]
pub(super) struct Creation<'a> {
    /// The normal form.
    pub(super) email: String,
    pub(super) given_email: &'a str,
    pub(super) name: &'a str,
    pub(super) operations: Vec<&'a Operation<'a>>,
}

/// All calls that ask for the same change of a user or of a profile.
#[derive(Debug)]
pub(super) struct Change<'a> {
    pub(super) name: &'a str,
    pub(super) operations: Vec<&'a Operation<'a>>,
    /// The version that it was said to have made, if it was said, and the line that says so.
    pub(super) made: Option<(u64, usize)>,
}

/// Somebody who is, was or may be a user, by id.
#[derive(Debug, Default)]
pub(super) struct Person<'a> {
    /// What was acknowledged to have created them.
    pub(super) created: Option<usize>,
    /// Deletions that happened or may have.
    pub(super) deletions: Vec<&'a Operation<'a>>,
    /// Changes of the user that happened or may have.
    pub(super) changes: Vec<Change<'a>>,
    /// Changes of the profile that happened or may have.
    pub(super) profile_changes: Vec<Change<'a>>,
}

/// Everybody.
#[derive(Debug, Default)]
pub(super) struct People<'a> {
    pub(super) creations: Vec<Creation<'a>>,
    /// The creations of one address, by its normal form.
    pub(super) by_email: BTreeMap<String, Vec<usize>>,
    pub(super) by_id: BTreeMap<&'a str, Person<'a>>,
}

/// The form under which an address is unique: without white space around it, in lower case. That is the services'
/// own normal form for all addresses in ASCII.
pub(super) fn normal(email: &str) -> String {
    email.trim().to_lowercase()
}

impl<'a> People<'a> {
    pub(super) fn of(operations: &'a Operations<'a>, books: &Books<'a>) -> Self {
        let mut people = Self::default();
        let (mut requests, mut changes) = (HashMap::new(), HashMap::new());
        for operation in operations.iter() {
            match operation.call {
                Call::CreateUser { email, display_name, .. } => {
                    people.created(&mut requests, operation, email, display_name);
                }
                Call::UpdateUser { user_id, display_name, .. } if operation.may_be() => {
                    let person = people.by_id.entry(user_id).or_default();
                    let made = operation.user();
                    changed(&mut person.changes, &mut changes, operation, display_name, made);
                }
                Call::UpdateProfile { user_id, display_name, .. } if operation.may_be() => {
                    let person = people.by_id.entry(user_id).or_default();
                    let made = operation.profile();
                    changed(&mut person.profile_changes, &mut changes, operation, display_name, made);
                }
                Call::DeleteUser { user_id, .. } if operation.may_be() => {
                    people.by_id.entry(user_id).or_default().deletions.push(operation);
                }
                _ => {}
            }
        }
        for id in books.users.keys() {
            people.by_id.entry(id).or_default();
        }
        people
    }

    fn created(
        &mut self,
        requests: &mut HashMap<(&'a str, &'a str, &'a str), usize>,
        operation: &'a Operation<'a>,
        email: &'a str,
        name: &'a str,
    ) {
        let new = self.creations.len();
        let place = match operation.request() {
            Some((_, request)) => *requests.entry((request, email, name)).or_insert(new),
            None => new,
        };
        if place == new {
            let (given_email, name, email) = (email.trim(), name.trim(), normal(email));
            self.by_email.entry(email.clone()).or_default().push(place);
            self.creations.push(Creation { email, given_email, name, operations: Vec::new() });
        }
        self.creations[place].operations.push(operation);
        if let Some(user) = operation.user() {
            self.by_id.entry(&user.user_id).or_default().created.get_or_insert(place);
        }
    }

    /// The creation that was acknowledged to have made this person.
    pub(super) fn creation(&self, person: &Person<'a>) -> Option<&Creation<'a>> {
        person.created.map(|place| &self.creations[place])
    }

    /// The creations of this address, in its normal form.
    pub(super) fn creations_of(&self, email: &str) -> impl Iterator<Item = &Creation<'a>> {
        self.by_email.get(email).into_iter().flatten().map(|place| &self.creations[*place])
    }
}

fn changed<'a>(
    changes: &mut Vec<Change<'a>>,
    requests: &mut HashMap<(&'a str, &'a str, &'a str), usize>,
    operation: &'a Operation<'a>,
    name: &'a str,
    made: Option<&'a User>,
) {
    let new = changes.len();
    let place = match (operation.request(), operation.call) {
        (Some((_, request)), Call::UpdateUser { user_id, .. }) => {
            *requests.entry((request, user_id, name)).or_insert(new)
        }
        _ => new,
    };
    if place == new {
        changes.push(Change { name: name.trim(), operations: Vec::new(), made: None });
    }
    let change = &mut changes[place];
    change.operations.push(operation);
    if let Some(made) = made {
        change.made.get_or_insert((made.version, operation.ended));
    }
}

impl<'a> Creation<'a> {
    /// Whether it was acknowledged.
    pub(super) fn is_ok(&self) -> bool {
        self.operations.iter().any(|operation| operation.is_ok())
    }

    /// Whether it was never acknowledged, and may have happened all the same.
    pub(super) fn is_unknown(&self) -> bool {
        !self.is_ok() && self.operations.iter().any(|operation| operation.is_unknown())
    }

    /// When it was first asked for by something that may have happened.
    pub(super) fn begun(&self) -> usize {
        let may_be = self.operations.iter().filter(|operation| operation.may_be());
        may_be.map(|operation| operation.begun).min().unwrap_or(usize::MAX)
    }

    /// By when it had happened, if it was acknowledged.
    pub(super) fn ended(&self) -> usize {
        let acked = self.operations.iter().filter(|operation| operation.is_ok());
        acked.map(|operation| operation.ended).min().unwrap_or(usize::MAX)
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = usize> {
        self.operations.iter().flat_map(|operation| operation.lines())
    }

    /// Who it was acknowledged to have made.
    pub(super) fn users(&self) -> impl Iterator<Item = &'a User> {
        self.operations.iter().filter_map(|operation| operation.user())
    }
}

impl Change<'_> {
    pub(super) fn lines(&self) -> impl Iterator<Item = usize> {
        self.operations.iter().flat_map(|operation| operation.lines())
    }
}

impl Person<'_> {
    /// Whether a deletion of them was acknowledged.
    pub(super) fn is_deleted(&self) -> bool {
        self.deletions.iter().any(|deletion| deletion.is_ok())
    }

    /// Whether a deletion of them was asked for and not refused.
    pub(super) fn may_be_deleted(&self) -> bool {
        !self.deletions.is_empty()
    }

    /// From when on they may have been gone.
    pub(super) fn may_be_gone_from(&self) -> usize {
        self.deletions.iter().map(|deletion| deletion.begun).min().unwrap_or(usize::MAX)
    }

    /// From when on they surely were gone.
    pub(super) fn is_gone_from(&self) -> usize {
        let acked = self.deletions.iter().filter(|deletion| deletion.is_ok());
        acked.map(|deletion| deletion.ended).min().unwrap_or(usize::MAX)
    }
}

/// Whether a user or a profile may be called this at this version: at the first as `first` allows, at one that a
/// change was said to have made as that change says, at any other as a change says of which the version is unknown.
pub(super) fn may_be_called(
    name: &str,
    version: u64,
    changes: &[Change<'_>],
    first: impl FnOnce(&str) -> bool,
) -> bool {
    if version == 1 {
        return first(name);
    }
    match changes.iter().find(|change| change.made.is_some_and(|(made, _)| made == version)) {
        Some(change) => change.name == name,
        None => changes.iter().any(|change| change.made.is_none() && change.name == name),
    }
}
