//! What is there at the end: through the public API, in the provider's own books, and in the folder of mails.
//!
//! One thing changes by being looked at: a profile that is missing is made when it is asked for. So that it was made
//! by its event is not shown here, only that it is there and how often it was changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mesh_rig::history::{Found, Mail};
use proto::{
    payment::v1::GetBalanceRequest,
    user::v1::{GetProfileRequest, GetUserRequest, get_user_request::Key},
};
use tonic::{Code, Status};

use super::{
    api::Api,
    convert,
    journal::{Journal, Known},
    mix,
    pages::{self, patiently},
};

/// Reads at once.
pub(super) const LANES: usize = 64;

/// Looks at everything and writes it down.
///
/// # Errors
/// When somebody does not answer, or the mails cannot be read.
pub(super) async fn observe(api: &Api, journal: &Journal, mails: &Path) -> anyhow::Result<()> {
    let known = journal.known();
    let users = pages::users(api).await?;
    let there: BTreeSet<String> = users.iter().map(|user| user.user_id.clone()).collect();
    users.into_iter().for_each(|user| journal.found(Found::User(convert::user(user))));
    for found in of_everybody(api, &known, &there).await? {
        journal.found(found);
    }
    for transaction in pages::transactions(api).await? {
        journal.found(Found::Transaction(transaction));
    }
    for event in pages::parked(api).await? {
        let (queue, event_id, kind) = (event.queue, event.event_id, event.event_type);
        journal.found(Found::Parked { queue, event_id, kind });
    }
    let mails = mails.to_owned();
    let mails = tokio::task::spawn_blocking(move || read_mails(&mails)).await??;
    mails.into_iter().for_each(|mail| journal.found(Found::Mail(mail)));
    Ok(())
}

/// What is found of each person and under each address.
async fn of_everybody(api: &Api, known: &Known, there: &BTreeSet<String>) -> Result<Vec<Found>, Status> {
    let by_email: Vec<Vec<Found>> = stream::iter(&known.emails)
        .map(|email| of_address(api, email))
        .buffer_unordered(LANES)
        .try_collect()
        .await?;
    let people: BTreeSet<&String> = there.iter().chain(&known.users).collect();
    let by_person: Vec<Vec<Found>> = stream::iter(people)
        .map(|user_id| of_person(api, user_id, there.contains(user_id), known.payers.contains(user_id)))
        .buffer_unordered(LANES)
        .try_collect()
        .await?;
    Ok(by_email.into_iter().chain(by_person).flatten().collect())
}

async fn of_address(api: &Api, email: &str) -> Result<Vec<Found>, Status> {
    let key = Key::Email(email.to_owned());
    let user = user(api, key).await?;
    Ok(vec![Found::Email { email: email.to_owned(), user_id: user.map(|user| user.user_id) }])
}

async fn of_person(api: &Api, user_id: &str, is_listed: bool, pays: bool) -> Result<Vec<Found>, Status> {
    let mut found = Vec::new();
    let id = || user_id.to_owned();
    match user(api, Key::UserId(id())).await? {
        Some(user) => found.push(Found::User(convert::user(user))),
        None => found.push(Found::NoUser { user_id: id() }),
    }
    let request = GetProfileRequest { user_id: id() };
    let answer = patiently(async || api.profiles.clone().get_profile(request.clone()).await).await;
    match there(answer)?.and_then(|answer| answer.into_inner().profile) {
        Some(profile) => found.push(Found::Profile(convert::profile(profile))),
        None => found.push(Found::NoProfile { user_id: id() }),
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
    let request = GetUserRequest { key: Some(key) };
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

/// The mails of a folder, by Message-ID. No folder: no mails.
fn read_mails(folder: &Path) -> anyhow::Result<Vec<Mail>> {
    let mut deliveries = BTreeMap::<String, u32>::new();
    for file in mail_files(folder)? {
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let id = text.lines().find_map(|line| line.strip_prefix("Message-ID:"));
        let id = id.with_context(|| format!("{} has no Message-ID", file.display()))?;
        *deliveries.entry(id.trim().to_owned()).or_default() += 1;
    }
    Ok(deliveries.into_iter().map(|(message_id, deliveries)| Mail { message_id, deliveries }).collect())
}

fn mail_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| folder.display().to_string())?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "eml") {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_are_counted_by_their_message_id() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_mails(&folder.path().join("nowhere")).unwrap(), []);
        for (name, id) in [("1.eml", "<a@b>"), ("2.eml", "<c@d>"), ("3.eml", "<a@b>")] {
            let text = format!("From: x@y\r\nMessage-ID: {id}\r\n\r\nhello\r\n");
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        std::fs::write(folder.path().join("4.txt"), "no mail").unwrap();
        let mail = |id: &str, deliveries| Mail { message_id: id.to_owned(), deliveries };
        assert_eq!(read_mails(folder.path()).unwrap(), [mail("<a@b>", 2), mail("<c@d>", 1)]);
        std::fs::write(folder.path().join("5.eml"), "From: x@y\r\n\r\nhello\r\n").unwrap();
        assert!(read_mails(folder.path()).unwrap_err().to_string().ends_with("5.eml has no Message-ID"));
    }
}
