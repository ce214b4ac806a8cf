//! kill -9 at random moments of an import, again and again: what was acknowledged is there, with one profile
//! and one mail each.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use mesh_rpc::Channel;
use proto::{
    notification::v1::{ListNotificationsRequest, ListParkedEventsRequest, State},
    user::v1::{
        CreateUserRequest, GetProfileRequest, GetUserRequest, ImportUsersResponse, User,
        get_user_request::Key, user_service_client::UserServiceClient,
    },
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{sync::Notify, task::JoinSet};

use crate::{
    csv::rows,
    process::{Stack, eventually, everybody, message_ids},
};

const KILLS: usize = 20;
const SEED: u64 = 20_260_824;
/// Rows of the real file, which are imported anew after each kill under the same import_id.
const ROWS: usize = 3_000;
/// Callers who create users one by one beside the import.
const CREATORS: u64 = 8;

/// Users who were acknowledged, by address.
type Acknowledged = Arc<Mutex<BTreeMap<String, User>>>;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_lose_and_double_nothing() {
    let data = tempfile::tempdir().unwrap();
    let mut rng = StdRng::seed_from_u64(SEED);
    let (acknowledged, numbers) = (Acknowledged::default(), Arc::new(AtomicU64::new(0)));
    for _ in 0..KILLS {
        let stack = Stack::start(data.path());
        let progress = Arc::new(Notify::new());
        let mut work = JoinSet::new();
        for _ in 0..CREATORS {
            let users = stack.users();
            work.spawn(create_until_it_breaks(
                users,
                Arc::clone(&numbers),
                acknowledged.clone(),
                progress.clone(),
            ));
        }
        let users = stack.users();
        work.spawn(async move { drop(import(users).await) });
        // A moment is a number of acknowledgements: the same on a fast machine and on a slow one.
        for _ in 0..rng.random_range(1..120) {
            progress.notified().await;
        }
        stack.kill();
        work.join_all().await;
    }
    let stack = Stack::start(data.path());
    let summary = import(stack.users()).await.unwrap();
    let total = summary.created_count + summary.duplicate_count + summary.invalid_count;
    assert_eq!(total, i64::try_from(ROWS).unwrap());
    verify(&stack, data.path(), &acknowledged, summary.created_count).await;
    assert!(stack.terminate().success());
}

async fn create_until_it_breaks(
    mut users: UserServiceClient<Channel>,
    numbers: Arc<AtomicU64>,
    acknowledged: Acknowledged,
    progress: Arc<Notify>,
) {
    loop {
        let number = numbers.fetch_add(1, Ordering::SeqCst);
        let email = format!("created{number}@example.org");
        let request = CreateUserRequest {
            email: email.clone(),
            display_name: format!("Created {number}"),
            locale: String::new(),
            request_id: format!("create-{number}"),
        };
        match users.create_user(request).await {
            Ok(response) => {
                acknowledged.lock().unwrap().insert(email, response.into_inner().user.unwrap());
                progress.notify_one();
            }
            // Killed: the outcome is unknown, and must turn out to be all or nothing.
            Err(_) => return,
        }
    }
}

/// Imports the first rows of the real file.
async fn import(mut users: UserServiceClient<Channel>) -> Result<ImportUsersResponse, tonic::Status> {
    Ok(users.import_users(tokio_stream::iter(rows(ROWS, "crash"))).await?.into_inner())
}

async fn verify(stack: &Stack, data: &Path, acknowledged: &Acknowledged, imported: i64) {
    let acknowledged = acknowledged.lock().unwrap().clone();
    let everybody = everybody(stack).await;
    let addresses: BTreeSet<_> = everybody.iter().map(|user| user.email.to_lowercase()).collect();
    assert_eq!(addresses.len(), everybody.len(), "two users have one address");
    let created = everybody.iter().filter(|user| user.email.starts_with("created")).count();
    assert_eq!(everybody.len() - created, usize::try_from(imported).unwrap());
    assert!(created >= acknowledged.len());

    eventually("every user has a mail", async || message_ids(data).len() >= everybody.len()).await;
    for (email, user) in &acknowledged {
        let request = GetUserRequest { key: Some(Key::Email(email.clone())) };
        let found = stack.users().get_user(request).await.unwrap().into_inner().user;
        assert_eq!(found.as_ref(), Some(user), "acknowledged and lost");
    }
    let mut expected = Vec::new();
    for user in &everybody {
        let request = GetProfileRequest { user_id: user.user_id.clone() };
        let profile = stack.profiles().get_profile(request).await.unwrap().into_inner().profile.unwrap();
        assert_eq!(
            (profile.display_name.as_str(), profile.etag.as_str()),
            (user.display_name.as_str(), "\"1\"")
        );
        let request = ListNotificationsRequest { user_id: user.user_id.clone(), ..Default::default() };
        eventually("the mail is written down as sent", async || {
            let listed =
                stack.notifications().list_notifications(request.clone()).await.unwrap().into_inner();
            listed.notifications.iter().all(|mail| mail.state() == State::Sent)
        })
        .await;
        let listed =
            stack.notifications().list_notifications(request).await.unwrap().into_inner().notifications;
        assert_eq!(listed.len(), 1, "{} got {} mails", user.user_id, listed.len());
        expected.push(listed[0].message_id.clone());
    }
    expected.sort();
    expected.dedup();
    assert_eq!(expected.len(), everybody.len());
    assert_eq!(message_ids(data), expected, "one mail for each user and none for nobody");
    let parked = stack.notifications().list_parked_events(ListParkedEventsRequest::default()).await.unwrap();
    assert_eq!(parked.into_inner().events, []);
}
