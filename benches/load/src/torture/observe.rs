//! What is there at the end: through the public API, and in the provider's own books.
//!
//! Profiles are not asked for: one that is missing would be made by that. They are read from the disk.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mesh_rig::history::Found;
use proto::{
    payment::v1::GetBalanceRequest,
    user::v1::{GetUserRequest, get_user_request::Key},
};
use tonic::{Code, Status};

use super::{
    api::Api,
    convert,
    journal::Known,
    mix,
    pages::{self, patiently},
};

/// Reads at once.
pub(super) const LANES: usize = 64;

/// What was seen.
pub(super) struct Seen {
    /// Everything that is there.
    pub(super) found: Vec<Found>,
    /// Everybody who was looked at.
    pub(super) people: Vec<String>,
    /// What is listed for somebody whose it is not.
    pub(super) misplaced: Vec<String>,
}

/// Looks at everything.
///
/// # Errors
/// When somebody does not answer.
pub(super) async fn observe(api: &Api, known: &Known) -> Result<Seen, Status> {
    let users = pages::users(api).await?;
    let there: BTreeSet<String> = users.iter().map(|user| user.user_id.clone()).collect();
    let mut found: Vec<Found> = users.into_iter().map(|user| Found::User(convert::user(user))).collect();
    let by_email: Vec<Found> = stream::iter(&known.emails)
        .map(|email| of_address(api, email))
        .buffer_unordered(LANES)
        .try_collect()
        .await?;
    found.extend(by_email);
    let people: Vec<String> = there.union(&known.users).cloned().collect();
    let by_person: Vec<Vec<Found>> = stream::iter(&people)
        .map(|user_id| of_person(api, user_id, there.contains(user_id), known.payers.contains(user_id)))
        .buffered(LANES)
        .try_collect()
        .await?;
    let of_another = |(asked, found): (&String, &Vec<Found>)| misplaced(asked, found);
    let misplaced = people.iter().zip(&by_person).filter_map(of_another).collect();
    found.extend(by_person.into_iter().flatten());
    found.extend(pages::transactions(api).await?.into_iter().map(Found::Transaction));
    for event in pages::parked(api).await? {
        let (queue, event_id, kind) = (event.queue, event.event_id, event.event_type);
        found.push(Found::Parked { queue, event_id, kind });
    }
    Ok(Seen { found, people, misplaced })
}

/// The first thing in somebody's lists that is somebody else's. A history has no other place for that: what is
/// found is written down as whose it says that it is.
fn misplaced(asked: &str, found: &[Found]) -> Option<String> {
    found.iter().find_map(|found| {
        let (what, owner) = match found {
            Found::User(user) => (format!("user {}", user.user_id), &user.user_id),
            Found::Payment(payment) => (format!("payment {}", payment.payment_id), &payment.user_id),
            Found::Notification(mail) => (format!("notification {}", mail.message_id), &mail.user_id),
            Found::Balance(balance) => (format!("the balance in {}", balance.currency), &balance.user_id),
            _ => return None,
        };
        (owner != asked).then(|| format!("user {asked} was told {what} of user {owner:?}"))
    })
}

async fn of_address(api: &Api, email: &str) -> Result<Found, Status> {
    let key = Key::Email(email.to_owned());
    let user = user(api, key).await?;
    Ok(Found::Email { email: email.to_owned(), user_id: user.map(|user| user.user_id) })
}

async fn of_person(api: &Api, user_id: &str, is_listed: bool, pays: bool) -> Result<Vec<Found>, Status> {
    let mut found = Vec::new();
    let id = || user_id.to_owned();
    match user(api, Key::UserId(id())).await? {
        Some(user) => found.push(Found::User(convert::user(user))),
        None => found.push(Found::NoUser { user_id: id() }),
    }
    found.extend(pages::notifications(api, user_id).await?.into_iter().map(Found::Notification));
    // Somebody whom nobody asked to pay has no books; that is believed of those who were never listed either.
    if pays || (is_listed && has_payments(api, user_id).await?) {
        found.extend(books(api, user_id).await?);
    }
    Ok(found)
}

async fn has_payments(api: &Api, user_id: &str) -> Result<bool, Status> {
    Ok(!pages::payments(api, user_id).await?.is_empty())
}

/// Payments, entries and balances.
async fn books(api: &Api, user_id: &str) -> Result<Vec<Found>, Status> {
    let mut found: Vec<Found> =
        pages::payments(api, user_id).await?.into_iter().map(Found::Payment).collect();
    for currency in mix::currencies() {
        let entries = pages::entries(api, user_id, currency).await?;
        found.extend(entries.into_iter().map(Found::Entry));
        let request = GetBalanceRequest { user_id: user_id.to_owned(), currency: currency.to_owned() };
        let answer = patiently(async || api.payments.clone().get_balance(request.clone()).await).await?;
        let balance = answer.into_inner().balance.unwrap_or_default();
        found.push(Found::Balance(convert::balance(balance)));
    }
    Ok(found)
}

async fn user(api: &Api, key: Key) -> Result<Option<proto::user::v1::User>, Status> {
    let request = GetUserRequest { key: Some(key), ..Default::default() };
    let answer = patiently(async || api.users.clone().get_user(request.clone()).await).await;
    Ok(there(answer)?.and_then(|answer| answer.into_inner().user))
}

/// What was found, or nothing.
fn there<T>(answer: Result<T, Status>) -> Result<Option<T>, Status> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status),
    }
}

#[cfg(test)]
mod tests {
    use mesh_rig::history::{Money, Payment};

    use super::*;

    #[test]
    fn what_is_listed_for_somebody_else_is_told() {
        let payment = |user_id: &str| {
            Found::Payment(Payment {
                payment_id: "p".to_owned(),
                user_id: user_id.to_owned(),
                amount: Money { minor: 1, currency: "EUR".to_owned() },
                captured_minor: 0,
                refunded_minor: 0,
                state: "AUTHORIZED".to_owned(),
                version: 1,
            })
        };
        assert_eq!(misplaced("ada", &[payment("ada")]), None);
        let told = misplaced("ada", &[payment("ada"), payment("bob")]).unwrap();
        assert_eq!(told, "user ada was told payment p of user \"bob\"");
    }
}
