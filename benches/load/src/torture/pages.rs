//! Lists, page by page, and calls that are repeated while a program is away. All of them only read.

use std::time::Duration;

use mesh_rig::history::{Entry, Notification, Payment, Transaction};
use proto::{
    notification::v1::{ListNotificationsRequest, ListParkedEventsRequest, ParkedEvent},
    payment::v1::{ListLedgerEntriesRequest, ListPaymentsRequest},
    provider::v1::ListTransactionsRequest,
    user::v1::{Consistency, ListUsersRequest, User},
};
use tokio::time::{Instant, sleep};
use tonic::Status;

use super::{
    api::Api,
    convert,
    outcome::{Judgement, judge},
};

/// The largest page.
const PAGE: i32 = 1_000;
/// How long a read is repeated, and the wait in between.
const PATIENCE: Duration = Duration::from_secs(30);
const WAIT: Duration = Duration::from_millis(50);

/// Reads until there is an answer or a refusal.
///
/// # Errors
/// A refusal, or the last error when there was no answer for half a minute.
pub(super) async fn patiently<T>(mut read: impl AsyncFnMut() -> Result<T, Status>) -> Result<T, Status> {
    let begin = Instant::now();
    loop {
        match read().await {
            Err(status) if judge(&status) != Judgement::Refused && begin.elapsed() < PATIENCE => {
                sleep(WAIT).await;
            }
            answer => return answer,
        }
    }
}

/// All pages of a list, one after the other.
async fn all<T>(
    mut page: impl AsyncFnMut(String) -> Result<(Vec<T>, String), Status>,
) -> Result<Vec<T>, Status> {
    let (mut items, mut token) = (Vec::new(), String::new());
    loop {
        let (more, next) = patiently(async || page(token.clone()).await).await?;
        items.extend(more);
        if next.is_empty() {
            return Ok(items);
        }
        token = next;
    }
}

pub(super) async fn users(api: &Api) -> Result<Vec<User>, Status> {
    all(async |page_token| {
        // Nobody may be missing, whichever copy is asked.
        let consistency = Consistency::Strong.into();
        let request = ListUsersRequest { page_size: PAGE, page_token, consistency };
        let page = api.users.clone().list_users(request).await?.into_inner();
        Ok((page.users, page.next_page_token))
    })
    .await
}

/// The payments in this user's list, whomever they say that they are of.
pub(super) async fn payments(api: &Api, user_id: &str) -> Result<Vec<Payment>, Status> {
    all(async |page_token| {
        let request = ListPaymentsRequest { user_id: user_id.to_owned(), page_size: PAGE, page_token };
        let page = api.payments.clone().list_payments(request).await?.into_inner();
        Ok((page.payments.into_iter().map(convert::payment).collect(), page.next_page_token))
    })
    .await
}

pub(super) async fn entries(api: &Api, user_id: &str, currency: &str) -> Result<Vec<Entry>, Status> {
    all(async |page_token| {
        let (user, currency) = (user_id.to_owned(), currency.to_owned());
        let request = ListLedgerEntriesRequest { user_id: user, currency, page_size: PAGE, page_token };
        let page = api.payments.clone().list_ledger_entries(request).await?.into_inner();
        let entries = page.entries.into_iter().map(|entry| convert::entry(user_id, entry));
        Ok((entries.collect(), page.next_page_token))
    })
    .await
}

pub(super) async fn notifications(api: &Api, user_id: &str) -> Result<Vec<Notification>, Status> {
    all(async |page_token| {
        let request = ListNotificationsRequest { user_id: user_id.to_owned(), page_size: PAGE, page_token };
        let page = api.notifications.clone().list_notifications(request).await?.into_inner();
        Ok((page.notifications.into_iter().map(convert::notification).collect(), page.next_page_token))
    })
    .await
}

pub(super) async fn parked(api: &Api) -> Result<Vec<ParkedEvent>, Status> {
    all(async |page_token| {
        let request = ListParkedEventsRequest { queue: String::new(), page_size: PAGE, page_token };
        let page = api.notifications.clone().list_parked_events(request).await?.into_inner();
        Ok((page.events, page.next_page_token))
    })
    .await
}

pub(super) async fn transactions(api: &Api) -> Result<Vec<Transaction>, Status> {
    all(async |page_token| {
        let request = ListTransactionsRequest { page_size: PAGE, page_token };
        let page = api.provider.clone().list_transactions(request).await?.into_inner();
        Ok((page.transactions.into_iter().map(convert::transaction).collect(), page.next_page_token))
    })
    .await
}
