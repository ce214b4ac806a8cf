//! kill -9 at random moments of an import, again and again: what was acknowledged is there, with one profile
//! and one mail each.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use mesh_rpc::Channel;
use proto::{
    notification::v1::{ListNotificationsRequest, ListParkedEventsRequest, State},
    user::v1::{
        CreateUserRequest, GetUserRequest, ImportUsersResponse, User, get_user_request::Key,
        user_service_client::UserServiceClient,
    },
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
};

use crate::{
    csv::rows,
    process::{Stack, eventually, everybody, message_ids, profiles_on_disk},
};

const KILLS: usize = 20;
const SEED: u64 = 20_260_824;
/// Rows of the real file that each round imports, its own ones.
const ROWS: usize = 1_000;
/// Callers who create users one by one beside the import.
const CREATORS: u64 = 8;
/// Rows that go into the import for each user that is created beside it; the latest moment of a kill times this
/// is less than there are rows, so every kill comes in the middle of an import.
const ROWS_PER_CREATED: usize = 15;
const LATEST_MOMENT: usize = 60;

/// Users who were acknowledged, by address.
type Acknowledged = Arc<Mutex<BTreeMap<String, User>>>;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_lose_and_double_nothing() {
    let data = tempfile::tempdir().unwrap();
    let mut rng = StdRng::seed_from_u64(SEED);
    let (acknowledged, numbers) = (Acknowledged::default(), Arc::new(AtomicU64::new(0)));
    for round in 0..KILLS {
        let stack = Stack::start(data.path());
        let (progress, pace) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let mut creators = JoinSet::new();
        for _ in 0..CREATORS {
            let users = stack.users();
            creators.spawn(create_until_it_breaks(
                users,
                Arc::clone(&numbers),
                acknowledged.clone(),
                progress.clone(),
            ));
        }
        let importer = tokio::spawn(import(stack.users(), round, Arc::clone(&pace)));
        // A moment is a number of acknowledgements: the same on a fast machine and on a slow one.
        let moment = rng.random_range(1..LATEST_MOMENT);
        let moment = async {
            for _ in 0..moment {
                progress.notified().await;
                pace.add_permits(ROWS_PER_CREATED);
            }
        };
        tokio::time::timeout(Duration::from_secs(60), moment).await.expect("nobody is created any more");
        stack.kill();
        creators.join_all().await;
        assert!(importer.await.unwrap().is_err(), "the import of round {round} was over before the kill");
    }

    let stack = Stack::start(data.path());
    let mut created = 0;
    for round in 0..KILLS {
        let summary = import(stack.users(), round, Arc::new(Semaphore::new(ROWS))).await.unwrap();
        let total = summary.created_count + summary.duplicate_count + summary.invalid_count;
        assert_eq!(total, i64::try_from(ROWS).unwrap());
        created += usize::try_from(summary.created_count).unwrap();
    }
    let everybody = verify(&stack, data.path(), &acknowledged, created).await;
    assert!(stack.terminate().success());
    for (user, profile) in everybody.iter().zip(profiles_on_disk(data.path(), &everybody).await) {
        let profile = profile.expect("a user without a profile");
        assert_eq!((profile.display_name.as_str(), profile.version), (user.display_name.as_str(), 1));
    }
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

/// Imports the rows of a round, as fast as `pace` permits; the same round again is the same import.
async fn import(
    mut users: UserServiceClient<Channel>,
    round: usize,
    pace: Arc<Semaphore>,
) -> Result<ImportUsersResponse, tonic::Status> {
    let rows = rows(round * ROWS, ROWS, &format!("round {round}"));
    let rows = stream::iter(rows).then(move |row| {
        let pace = Arc::clone(&pace);
        async move {
            pace.acquire().await.unwrap().forget();
            row
        }
    });
    Ok(users.import_users(rows).await?.into_inner())
}

/// Everybody is there who must be, with one mail each, and nobody else.
async fn verify(stack: &Stack, data: &Path, acknowledged: &Acknowledged, imported: usize) -> Vec<User> {
    let acknowledged = acknowledged.lock().unwrap().clone();
    let everybody = everybody(stack).await;
    let addresses: BTreeSet<_> = everybody.iter().map(|user| user.email.to_lowercase()).collect();
    assert_eq!(addresses.len(), everybody.len(), "two users have one address");
    let created = everybody.iter().filter(|user| user.email.starts_with("created")).count();
    assert_eq!(everybody.len() - created, imported);
    assert!(created >= acknowledged.len());

    eventually("every user has a mail", async || message_ids(data).len() >= everybody.len()).await;
    for (email, user) in &acknowledged {
        let request = GetUserRequest { key: Some(Key::Email(email.clone())), ..Default::default() };
        let found = stack.users().get_user(request).await.unwrap().into_inner().user;
        assert_eq!(found.as_ref(), Some(user), "acknowledged and lost");
    }
    let mut expected = Vec::new();
    for user in &everybody {
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
    everybody
}
