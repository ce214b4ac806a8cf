//! Two replicas that want one address.

use std::{sync::Arc, time::Duration};

use mesh_events::Outbox as _;
use mesh_rig::testing::keyspace;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use service_kit::clock::Clock;
use tokio::{sync::Barrier, task::JoinHandle, time::sleep};
use user::{
    domain::{Email, User},
    store::{StoreError, UserStore as _, cql::CqlStore},
};

use super::{START, open};
use crate::conformance::{by_id, create, delete, person, replace};

const ROUNDS: u64 = 200;
const ADDRESS: &str = "one@b.de";

/// What a racer does to get the address.
#[derive(Clone, Copy, Debug)]
enum By {
    Creating,
    Moving,
}

/// Begins at the same moment as the other one, or up to 4 ms later.
fn race(
    store: &Arc<CqlStore>,
    user: &User,
    by: By,
    delay: Duration,
    start: &Arc<Barrier>,
) -> JoinHandle<Result<User, StoreError>> {
    let (store, user, start) = (Arc::clone(store), user.clone(), Arc::clone(start));
    tokio::spawn(async move {
        start.wait().await;
        sleep(delay).await;
        let done = match by {
            By::Creating => create(&*store, &user, None).await,
            By::Moving => replace(&*store, &user, None).await,
        };
        done.map(|committed| committed.value)
    })
}

/// Somebody who is about to have the address.
async fn racer(store: &CqlStore, n: u64, by: By) -> User {
    match by {
        By::Creating => person(n, ADDRESS, START),
        By::Moving => {
            let user = person(n, &format!("p{n}@b.de"), START);
            create(store, &user, None).await.unwrap();
            User { email: Email::parse("e", ADDRESS).unwrap(), version: 2, ..user }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_replicas_exactly_one_gives_an_address_away() {
    let keyspace = keyspace().await;
    let (clock, _hand) = Clock::manual(START);
    let stores = [
        Arc::new(open(&keyspace, clock.clone(), "one").await),
        Arc::new(open(&keyspace, clock, "two").await),
    ];
    let mut rng = StdRng::seed_from_u64(5);
    let mut events = 0;
    for round in 0..ROUNDS {
        let by = [(); 2].map(|()| if rng.random_bool(0.5) { By::Creating } else { By::Moving });
        let delays = [(); 2].map(|()| Duration::from_micros(rng.random_range(0..4_000)));
        let start = Arc::new(Barrier::new(2));
        let mut racers = Vec::new();
        for (n, store) in (0_u8..).zip(&stores) {
            let user = racer(store, 2 * round + u64::from(n), by[usize::from(n)]).await;
            events += u64::from(user.version == 2);
            racers.push(user);
        }
        let races: Vec<_> = (0..2).map(|n| race(&stores[n], &racers[n], by[n], delays[n], &start)).collect();
        let mut outcomes = Vec::new();
        for race in races {
            outcomes.push(race.await.unwrap());
        }
        let winners: Vec<_> = outcomes.iter().flatten().collect();
        let [winner] = winners[..] else { panic!("round {round}, {by:?}: {outcomes:?}") };
        let loser = outcomes.iter().find_map(|outcome| outcome.as_ref().err());
        let taken = matches!(loser, Some(StoreError::EmailTaken { owner }) if *owner == winner.id);
        assert!(taken, "round {round}, {by:?}: {outcomes:?}");
        for store in &stores {
            assert_eq!(store.user_by_email(ADDRESS).await.unwrap().as_ref(), Some(winner), "round {round}");
            assert_eq!(by_id(&**store, winner.id).await.as_ref(), Some(winner), "round {round}");
            let lost = racers.iter().find(|user| user.id != winner.id).unwrap();
            let found = by_id(&**store, lost.id).await;
            assert!(found.is_none_or(|user| user.email.normal() != ADDRESS), "round {round}");
        }
        // The winner makes room for the next round, in either of the two ways, through either replica.
        let store = &*stores[rng.random_range(0..2)];
        if rng.random_bool(0.5) {
            delete(store, winner, None).await.unwrap();
        } else {
            let email = Email::parse("e", &format!("w{round}@b.de")).unwrap();
            replace(store, &User { email, version: winner.version + 1, ..winner.clone() }, None)
                .await
                .unwrap();
        }
        events += 2;
        assert_eq!(stores[0].user_by_email(ADDRESS).await.unwrap(), None, "round {round}");
    }
    // What lost left no event behind.
    let told = stores[0].outbox().pending(Duration::ZERO, None, 10_000).await.unwrap();
    assert_eq!(told.len() as u64, events);
}
