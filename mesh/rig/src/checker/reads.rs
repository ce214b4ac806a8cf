//! C1: what is read is never older than what was known, and is something that was written.
//!
//! That is linearizability of a register whose versions rise: in the order of real time, once an answer to anybody
//! told a version, no call that begins after it is told an older one. It is what one backend without replicas must
//! give. Several replicas give it to whoever asks for a strong read, or sends a token of the newest version that
//! anybody was told; the clients of a history that was made against replicas do.

use std::collections::HashMap;

use super::{
    Invariant::C1,
    operations::{Operation, Operations, Outcome},
    people::{Change, People, Person},
    verdict::Tally,
};
use crate::history::{Answer, Call, Payment, User};

/// What has versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Document<'a> {
    User(&'a str),
    Profile(&'a str),
    Payment(&'a str),
}

/// One version of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content<'a> {
    User(&'a User),
    Payment(&'a Payment),
}

/// Versions as they became known: each line with the newest version that was known from then on.
#[derive(Debug, Default)]
struct Marks(Vec<(usize, u64)>);

impl Marks {
    fn note(&mut self, line: usize, version: u64) {
        if self.0.last().is_none_or(|(_, newest)| *newest < version) {
            self.0.push((line, version));
        }
    }

    /// What was known before this line: the version, and the line that told it.
    fn before(&self, line: usize) -> Option<(usize, u64)> {
        let later = self.0.partition_point(|(told, _)| *told < line);
        later.checked_sub(1).and_then(|place| self.0.get(place)).copied()
    }
}

/// All answers so far, in the order in which they were given.
#[derive(Debug, Default)]
struct Known<'a> {
    /// By acknowledged changes.
    acked: HashMap<Document<'a>, Marks>,
    /// By what one client was told.
    seen: HashMap<(u32, Document<'a>), Marks>,
    /// By what anybody was told.
    told: HashMap<Document<'a>, Marks>,
    contents: HashMap<(Document<'a>, u64), (usize, Content<'a>)>,
}

pub(super) fn check(operations: &Operations<'_>, people: &People<'_>, tally: &mut Tally) {
    let mut known = Known::default();
    let mut requests: HashMap<_, usize> = HashMap::new();
    for request in operations.iter().filter_map(Operation::request) {
        *requests.entry(request).or_default() += 1;
    }
    for operation in operations.by_end() {
        // An answer to a request that was made by another call, too, may be that call's, from long ago.
        let is_shared = operation.request().is_some_and(|request| requests.get(&request) != Some(&1));
        match document(operation) {
            Some((document, version, content)) => {
                if !is_shared || matches!(document, Document::Payment(_)) {
                    known.is_not_older(operation, document, version, tally);
                }
                known.is_the_same_again(operation, document, version, content, tally);
                was_written(operation, document, version, people, tally);
                known.note(operation, document, version);
            }
            None => known.is_not_lost(operation, people, tally),
        }
        if !is_shared {
            is_gone(operation, people, tally);
        }
    }
}

/// What an answer tells, at which version.
fn document<'a>(operation: &Operation<'a>) -> Option<(Document<'a>, u64, Content<'a>)> {
    let Outcome::Ok(answer) = operation.outcome else { return None };
    Some(match answer {
        Answer::User(user) => (Document::User(&user.user_id), user.version, Content::User(user)),
        Answer::Profile(user) => (Document::Profile(&user.user_id), user.version, Content::User(user)),
        Answer::Payment(payment) => {
            (Document::Payment(&payment.payment_id), payment.version, Content::Payment(payment))
        }
        Answer::Deleted => return None,
    })
}

/// Whether the call asks for a change.
fn is_write(call: &Call) -> bool {
    !matches!(call, Call::GetUser { .. } | Call::GetProfile { .. } | Call::GetPayment { .. })
}

/// Whether the answer is the version that the call itself made. A payment is told as it is now.
fn tells_its_own(call: &Call) -> bool {
    matches!(call, Call::UpdateUser { .. } | Call::UpdateProfile { .. })
}

impl<'a> Known<'a> {
    /// An answer is no older than any change that was acknowledged to anybody before it was asked for, nor than
    /// anything that its client, or anybody, was told before. What a change makes is newer than that.
    fn is_not_older(
        &self,
        operation: &Operation<'a>,
        document: Document<'a>,
        version: u64,
        tally: &mut Tally,
    ) {
        let acked = self.acked.get(&document).and_then(|marks| marks.before(operation.begun));
        let seen =
            self.seen.get(&(operation.client, document)).and_then(|marks| marks.before(operation.begun));
        let least = u64::from(tells_its_own(operation.call));
        let older = |known: &Option<(usize, u64)>| known.is_some_and(|(_, known)| version < known + least);
        let told = self.told.get(&document).and_then(|marks| marks.before(operation.begun));
        for (known, how) in [
            (acked, "had been acknowledged"),
            (seen, "had been told to the same client"),
            (told, "had been told to another client"),
        ] {
            if let Some((line, newest)) = known.filter(|known| older(&Some(*known))) {
                let method = operation.method();
                let what =
                    format_args!("{method} of {document} told version {version}, after {newest} {how}");
                tally.broke(C1, operation.lines().chain([line]), what);
                return;
            }
        }
    }

    /// The same version is always told with the same content.
    fn is_the_same_again(
        &mut self,
        operation: &Operation<'a>,
        document: Document<'a>,
        version: u64,
        content: Content<'a>,
        tally: &mut Tally,
    ) {
        let first = *self.contents.entry((document, version)).or_insert((operation.ended, content));
        if first.1 != content {
            let what = format_args!("version {version} of {document} was told in two ways");
            tally.broke(C1, operation.lines().chain([first.0]), what);
        }
    }

    /// A user whom somebody was told of before, and whom nobody can have deleted yet, is there, and so are a profile
    /// of such a user and a payment that somebody was told of before.
    fn is_not_lost(&self, operation: &Operation<'a>, people: &People<'a>, tally: &mut Tally) {
        let Some(document) = said_to_be_nowhere(operation) else { return };
        let told = match document {
            Document::User(id) | Document::Profile(id) => {
                let is_kept = |person: &Person<'_>| person.may_be_gone_from() > operation.ended;
                if !people.by_id.get(id).is_some_and(is_kept) {
                    return;
                }
                self.told.get(&Document::User(id))
            }
            Document::Payment(_) => self.told.get(&document),
        };
        if let Some((line, _)) = told.and_then(|marks| marks.before(operation.begun)) {
            let method = operation.method();
            let what = format_args!("{method} was told that {document} is not there, after it was");
            tally.broke(C1, operation.lines().chain([line]), what);
        }
    }

    fn note(&mut self, operation: &Operation<'a>, document: Document<'a>, version: u64) {
        if is_write(operation.call) {
            self.acked.entry(document).or_default().note(operation.ended, version);
        }
        self.seen.entry((operation.client, document)).or_default().note(operation.ended, version);
        self.told.entry(document).or_default().note(operation.ended, version);
    }
}

/// What a refusal says that there is not.
fn said_to_be_nowhere<'a>(operation: &Operation<'a>) -> Option<Document<'a>> {
    let Outcome::Fail { code, reason } = operation.outcome else { return None };
    match operation.call {
        Call::CreatePayment { user_id, .. } if reason == "USER_NOT_FOUND" => Some(Document::User(user_id)),
        _ if code != "NOT_FOUND" => None,
        Call::GetUser { user_id } | Call::UpdateUser { user_id, .. } | Call::DeleteUser { user_id, .. } => {
            Some(Document::User(user_id))
        }
        Call::GetProfile { user_id } | Call::UpdateProfile { user_id, .. } => {
            Some(Document::Profile(user_id))
        }
        Call::CapturePayment { payment_id, .. }
        | Call::CancelPayment { payment_id, .. }
        | Call::RefundPayment { payment_id, .. }
        | Call::GetPayment { payment_id } => Some(Document::Payment(payment_id)),
        Call::CreateUser { .. } | Call::CreatePayment { .. } => None,
    }
}

/// A version is one that somebody may have written by then: the first, and one for each change that had begun and
/// was not refused; and the name is one that somebody gave. A profile begins with a name of its user's.
fn was_written(
    operation: &Operation<'_>,
    document: Document<'_>,
    version: u64,
    people: &People<'_>,
    tally: &mut Tally,
) {
    let begun = |changes: &[Change<'_>]| {
        let begun =
            changes.iter().filter(|change| change.operations.iter().any(|o| o.begun < operation.ended));
        1 + begun.count() as u64
    };
    let (id, is_profile) = match document {
        Document::User(id) => (id, false),
        Document::Profile(id) => (id, true),
        // How many steps a payment takes is the service's to choose.
        Document::Payment(_) if version > 0 => return,
        Document::Payment(id) => (id, false),
    };
    let Some(person) = people.by_id.get(id) else { return };
    let Some(creation) = people.creation(person) else { return };
    let newest = begun(if is_profile { &person.profile_changes } else { &person.changes });
    if !(1..=newest).contains(&version) {
        let what =
            format_args!("version {version} of {document} was told, and nobody wrote more than {newest}");
        tally.broke(C1, operation.lines(), what);
    }
    let Outcome::Ok(Answer::User(User { display_name, .. }) | Answer::Profile(User { display_name, .. })) =
        operation.outcome
    else {
        return;
    };
    let of_profile = if is_profile { person.profile_changes.as_slice() } else { &[] };
    let mut given = person.changes.iter().chain(of_profile).map(|change| change.name);
    if creation.name != display_name && !given.any(|name| name == display_name) {
        let what = format_args!("{document} was told with a name that nobody gave");
        tally.broke(C1, operation.lines(), what);
    }
}

/// Who was acknowledged to be deleted before is not there any more, and cannot pay.
fn is_gone(operation: &Operation<'_>, people: &People<'_>, tally: &mut Tally) {
    let (Call::GetUser { user_id }
    | Call::UpdateUser { user_id, .. }
    | Call::GetProfile { user_id }
    | Call::UpdateProfile { user_id, .. }
    | Call::CreatePayment { user_id, .. }) = operation.call
    else {
        return;
    };
    let gone = people.by_id.get(user_id.as_str()).map_or(usize::MAX, Person::is_gone_from);
    if operation.is_ok() && gone < operation.begun {
        let method = operation.method();
        let what = format_args!("{method} found user {user_id}, who was deleted");
        tally.broke(C1, operation.lines().chain([gone]), what);
    }
}

impl std::fmt::Display for Document<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(id) => write!(f, "user {id}"),
            Self::Profile(id) => write!(f, "the profile of user {id}"),
            Self::Payment(id) => write!(f, "payment {id}"),
        }
    }
}
