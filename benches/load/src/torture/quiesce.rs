//! The wait until nothing is under way any more.
//!
//! It is seen from outside, so it is a guess that is made twice: everything that must come of what is there has
//! come, nothing says that it is unfinished, and half a second later there is not one payment, entry or notification
//! more. Profiles are not looked at, because who asks for one that is missing makes it be made, and the API tells of
//! parked events but not of those that wait in a queue: for both the stage looks at the disk afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mesh_rig::{
    checker::{RECEIPTS, due_receipts, is_refund},
    history::{Entry, Notification, Payment},
};
use tokio::time::{Instant, sleep};
use tonic::Status;

use super::{api::Api, journal::Known, mix, observe::LANES, pages};

/// The wait between two looks at those who were not settled.
const WAIT: Duration = Duration::from_millis(100);
/// The wait between two looks at everybody.
const CALM: Duration = Duration::from_millis(500);
/// What is left is told of this many users.
const TOLD: usize = 100;

/// Somebody to look at.
#[derive(Clone, Debug)]
struct Person {
    user_id: String,
    /// Whether they are a user now.
    is_there: bool,
    /// Whether somebody asked that they pay.
    pays: bool,
}

/// What a look at a person showed.
struct Look {
    person: Person,
    /// What is under way or missing.
    left: Option<String>,
    /// How much there is; it grows while anything goes on.
    size: usize,
}

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// At most, for everything together.
    pub(super) bound: Duration,
    /// For something that is left while nothing changes at all; if it is not said, only the bound counts.
    pub(super) stalled_after: Option<Duration>,
}

/// What some looks showed, to be compared.
#[derive(Debug, PartialEq, Eq)]
struct State {
    left: Vec<String>,
    size: usize,
}

/// Waits until nothing is under way, or for as long as patience says; answers what is left.
///
/// # Errors
/// When the stack does not answer.
pub(super) async fn quiesce(api: &Api, known: &Known, patience: Patience) -> Result<Vec<String>, Status> {
    let begin = Instant::now();
    let mut before = None;
    loop {
        let looks = look(api, everybody(api, known).await?).await?;
        let state = State::of(&looks);
        // Nothing has changed for a calm, or something was left for as long as one waits for that.
        if before.as_ref() == Some(&state) {
            return Ok(state.told());
        }
        before = Some(state);
        let unsettled = settle(api, looks, begin, patience).await?;
        if begin.elapsed() >= patience.bound {
            let told = State::of(&unsettled).told();
            let more = || vec!["payments or notifications that still become more".to_owned()];
            return Ok(if told.is_empty() { more() } else { told });
        }
        sleep(CALM).await;
    }
}

/// Looks at those who are unsettled until nobody is, or they do not change any more.
async fn settle(
    api: &Api,
    looks: Vec<Look>,
    begin: Instant,
    patience: Patience,
) -> Result<Vec<Look>, Status> {
    let mut unsettled: Vec<Look> = looks.into_iter().filter(|look| look.left.is_some()).collect();
    let (mut state, mut since) = (State::of(&unsettled), Instant::now());
    let stalled = |since: Instant| patience.stalled_after.is_some_and(|after| since.elapsed() >= after);
    while !unsettled.is_empty() && !stalled(since) && begin.elapsed() < patience.bound {
        sleep(WAIT).await;
        let people = unsettled.into_iter().map(|look| look.person).collect();
        unsettled = look(api, people).await?;
        let now = State::of(&unsettled);
        if now != state {
            (state, since) = (now, Instant::now());
        }
        unsettled.retain(|look| look.left.is_some());
    }
    Ok(unsettled)
}

impl State {
    fn of(looks: &[Look]) -> Self {
        let mut left: Vec<String> = looks.iter().filter_map(|look| look.left.clone()).collect();
        left.sort_unstable();
        Self { left, size: looks.iter().map(|look| look.size).sum() }
    }

    /// What is left, in part if it is much.
    fn told(mut self) -> Vec<String> {
        self.left.truncate(TOLD);
        self.left
    }
}

/// Everybody who is there now, and everybody who was.
async fn everybody(api: &Api, known: &Known) -> Result<Vec<Person>, Status> {
    let there: BTreeSet<String> = pages::users(api).await?.into_iter().map(|user| user.user_id).collect();
    let all: BTreeSet<&String> = there.iter().chain(&known.users).collect();
    let person = |user_id: &String| Person {
        user_id: user_id.clone(),
        is_there: there.contains(user_id),
        pays: known.payers.contains(user_id),
    };
    Ok(all.into_iter().map(person).collect())
}

async fn look(api: &Api, people: Vec<Person>) -> Result<Vec<Look>, Status> {
    stream::iter(people).map(|person| look_at(api, person)).buffer_unordered(LANES).try_collect().await
}

async fn look_at(api: &Api, person: Person) -> Result<Look, Status> {
    let id = &person.user_id;
    let notifications = pages::notifications(api, id).await?;
    let (mut payments, mut entries) = (Vec::new(), Vec::new());
    if person.pays {
        payments = pages::payments(api, id).await?;
        let used: BTreeSet<_> = payments.iter().map(|payment| payment.amount.currency.as_str()).collect();
        for currency in mix::currencies().filter(|currency| used.contains(currency)) {
            entries.extend(pages::entries(api, id, currency).await?);
        }
    }
    let size = notifications.len() + payments.len() + entries.len();
    let left = payments
        .iter()
        .find(|payment| payment.state.ends_with("ING"))
        .map(|payment| format!("payment {} is {}", payment.payment_id, payment.state))
        .or_else(|| notifications.iter().find_map(unsent))
        .or_else(|| missing(&person, &notifications, &payments, &entries));
    Ok(Look { person, left, size })
}

fn unsent(notification: &Notification) -> Option<String> {
    let Notification { user_id, template, state, .. } = notification;
    let is_over = ["SENT", "FAILED"].contains(&state.as_str());
    (!is_over).then(|| format!("the {template} of user {user_id} is {state}"))
}

/// A notification that must come of what is there and has not. Who is gone has no address any more to send one to.
fn missing(
    person: &Person,
    notifications: &[Notification],
    payments: &[Payment],
    entries: &[Entry],
) -> Option<String> {
    if !person.is_there {
        return None;
    }
    let mut expected = BTreeMap::from([("welcome", 1)]);
    expected.extend(RECEIPTS.map(|template| (template, 0)));
    for payment in payments {
        let is_its = |entry: &&Entry| entry.payment_id == payment.payment_id && is_refund(entry);
        let refunds = entries.iter().filter(is_its).count() as u64;
        for (template, due) in due_receipts(payment, refunds) {
            *expected.entry(template).or_default() += due;
        }
    }
    expected.into_iter().find_map(|(template, expected)| {
        let is_it = |notification: &&Notification| notification.template == template;
        let there = notifications.iter().filter(is_it).count() as u64;
        let user_id = &person.user_id;
        (there < expected)
            .then(|| format!("user {user_id} has {there} of {expected} notifications {template}"))
    })
}

#[cfg(test)]
mod tests {
    use mesh_rig::history::Money;

    use super::*;

    fn person(is_there: bool) -> Person {
        Person { user_id: "ada".to_owned(), is_there, pays: true }
    }

    fn notification(template: &str, state: &str) -> Notification {
        let text = str::to_owned;
        Notification {
            user_id: text("ada"),
            template: text(template),
            payment_id: None,
            message_id: text("m"),
            state: text(state),
        }
    }

    fn payment(state: &str, captured_minor: i64) -> Payment {
        Payment {
            payment_id: "p".to_owned(),
            user_id: "ada".to_owned(),
            amount: Money { minor: 10, currency: "EUR".to_owned() },
            captured_minor,
            refunded_minor: 0,
            state: state.to_owned(),
            version: 1,
        }
    }

    #[test]
    fn whoever_is_there_needs_a_welcome_and_who_is_gone_does_not() {
        let said = missing(&person(true), &[], &[], &[]).unwrap();
        assert_eq!(said, "user ada has 0 of 1 notifications welcome");
        assert_eq!(missing(&person(true), &[notification("welcome", "SENT")], &[], &[]), None);
        assert_eq!(missing(&person(false), &[], &[], &[]), None);
    }

    #[test]
    fn what_was_taken_or_refused_needs_a_receipt() {
        let payments = [payment("CAPTURED", 10), payment("DECLINED", 0)];
        let mut there = vec![notification("welcome", "SENT"), notification("payment_captured", "SENT")];
        let said = missing(&person(true), &there, &payments, &[]).unwrap();
        assert_eq!(said, "user ada has 0 of 1 notifications payment_failed");
        assert_eq!(missing(&person(false), &there, &payments, &[]), None);
        there.push(notification("payment_failed", "SENT"));
        assert_eq!(missing(&person(true), &there, &payments, &[]), None);
    }

    #[test]
    fn a_notification_is_over_when_it_was_sent_or_given_up() {
        assert_eq!(unsent(&notification("welcome", "SENT")), None);
        assert_eq!(unsent(&notification("welcome", "FAILED")), None);
        assert!(unsent(&notification("welcome", "RETRYING")).unwrap().contains("is RETRYING"));
    }
}
