//! Random commands against a store and against a model small enough to be seen to be right.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use notification::{
    domain::{Notification, NotificationId, State, Verdict},
    store::{Enqueued, StoreError},
};
use proptest::{prelude::*, test_runner::TestRunner};
use service_kit::clock::UnixMillis;
use uuid::Uuid;

use super::{Harness, busy, enqueue, person, sorted, text};

const PEOPLE: u64 = 3;
const IDS: u64 = 12;
const REQUESTS: u8 = 3;

/// One step. Numbers choose among few, so that steps meet.
#[derive(Clone, Debug)]
enum Step {
    Enqueue {
        n: u64,
    },
    /// Under a request: what it asks for decides about the id, as the service does it.
    Request {
        request: u8,
        n: u64,
    },
    /// To be sent at once by whoever takes it on.
    Hold {
        n: u64,
    },
    /// Gives back the first leases, untried.
    Release {
        count: usize,
    },
    /// Four who take on the same notification at once.
    Race {
        n: u64,
    },
    Claim {
        limit: usize,
    },
    /// Four claimers at once.
    Claimers {
        limit: usize,
    },
    /// Ends some leases, with one verdict each.
    Settle {
        verdicts: Vec<u8>,
    },
    Advance {
        seconds: u64,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let (n, limit) = (0..IDS, 1..5_usize);
    prop_oneof![
        6 => n.clone().prop_map(|n| Step::Enqueue { n }),
        3 => (0..REQUESTS, n.clone()).prop_map(|(request, n)| Step::Request { request, n }),
        3 => n.clone().prop_map(|n| Step::Hold { n }),
        1 => n.prop_map(|n| Step::Race { n }),
        1 => (1..3_usize).prop_map(|count| Step::Release { count }),
        5 => limit.clone().prop_map(|limit| Step::Claim { limit }),
        2 => limit.prop_map(|limit| Step::Claimers { limit }),
        5 => proptest::collection::vec(0..4_u8, 1..4).prop_map(|verdicts| Step::Settle { verdicts }),
        4 => prop_oneof![Just(0), Just(5), Just(60), Just(3_600)].prop_map(|seconds| Step::Advance { seconds }),
        1 => Just(Step::Reopen),
    ]
}

#[derive(Default)]
struct Model {
    notifications: BTreeMap<NotificationId, Notification>,
    held: BTreeSet<NotificationId>,
    /// Content of a request, and what it was answered.
    answers: BTreeMap<u8, (String, Notification)>,
}

/// What a store says to an enqueuer.
#[derive(Debug, PartialEq)]
enum Said {
    New(Notification),
    Replayed(Notification),
    Reused,
}

fn said(result: Result<Enqueued, StoreError>) -> Said {
    match result {
        Ok(Enqueued { notification, replayed: false, .. }) => Said::New(notification),
        Ok(Enqueued { notification, replayed: true, .. }) => Said::Replayed(notification),
        Err(StoreError::RequestReused) => Said::Reused,
        Err(error @ StoreError::Unavailable(_)) => panic!("{error:?}"),
    }
}

impl Model {
    fn enqueue(&mut self, notification: &Notification, request: Option<(u8, &str)>) -> Said {
        if let Some((asked, answer)) = request.and_then(|(request, _)| self.answers.get(&request)) {
            let is_same = request.is_some_and(|(_, content)| content == asked);
            return if is_same { Said::Replayed(answer.clone()) } else { Said::Reused };
        }
        if let Some(known) = self.notifications.get(&notification.id) {
            return Said::Replayed(known.clone());
        }
        if let Some((request, content)) = request {
            self.answers.insert(request, (content.to_owned(), notification.clone()));
        }
        self.notifications.insert(notification.id, notification.clone());
        Said::New(notification.clone())
    }

    /// All that waits and is not held, due longest first.
    fn waiting(&self) -> Vec<(UnixMillis, NotificationId)> {
        let waiting = self.notifications.values().filter(|n| n.is_pending() && !self.held.contains(&n.id));
        let mut waiting: Vec<_> = waiting.map(|n| (n.due, n.id)).collect();
        waiting.sort_unstable();
        waiting
    }

    fn claim(&mut self, now: UnixMillis, limit: usize) -> Vec<Notification> {
        let due = self.waiting().into_iter().filter(|(due, _)| *due <= now).take(limit);
        let claimed: Vec<_> = due.map(|(_, id)| self.notifications[&id].clone().sending(now)).collect();
        self.held.extend(claimed.iter().map(|notification| notification.id));
        claimed
    }

    fn settle(&mut self, tried: &[(NotificationId, Verdict)], now: UnixMillis) -> Vec<Notification> {
        let mut settled = Vec::new();
        for (id, verdict) in tried {
            self.held.remove(id);
            let notification = self.notifications[id].clone().tried(verdict.clone(), now);
            self.notifications.insert(*id, notification.clone());
            settled.push(notification);
        }
        settled
    }

    fn list(&self, user: Uuid) -> Vec<Notification> {
        let mut listed: Vec<_> = self.notifications.values().filter(|n| n.user_id == user).cloned().collect();
        listed.sort_by_key(|notification| Reverse((notification.created, notification.id)));
        listed
    }

    /// A notification as it is to be compared: whether reads tell a held one as being sent is the store's choice.
    fn shown(&self, mut notification: Notification) -> Notification {
        if self.held.contains(&notification.id) {
            (notification.state, notification.updated) = (State::Sending, notification.created);
        }
        notification
    }
}

fn verdict(number: u8) -> Verdict {
    match number {
        0 => Verdict::Sent,
        1 => Verdict::Permanent("no such mailbox".to_owned()),
        _ => busy(),
    }
}

async fn take<H: Harness>(harness: H, model: &mut Model, step: &Step) -> H {
    let (store, now) = (harness.store(), harness.now());
    match *step {
        Step::Enqueue { n } => {
            let notification = text(n, person(n % PEOPLE), now);
            let expected = model.enqueue(&notification, None);
            let enqueued = said(enqueue(&*store, &notification, None).await);
            assert_eq!(shown(model, enqueued), shown(model, expected));
        }
        Step::Request { request, n } => {
            let content = format!("content {n}");
            let id = NotificationId::derived(format!("{request} {content}").as_bytes());
            let notification = Notification { id, ..text(n, person(n % PEOPLE), now) };
            let expected = model.enqueue(&notification, Some((request, &content)));
            let asked = super::request(&request.to_string(), &content);
            assert_eq!(said(enqueue(&*store, &notification, asked).await), expected);
        }
        Step::Hold { n } => {
            let notification = text(n, person(n % PEOPLE), now);
            let expected = model.enqueue(&notification, None);
            let is_new = matches!(expected, Said::New(_));
            let enqueued = store.enqueue(notification.clone(), None, true).await.unwrap();
            assert_eq!(enqueued.held, is_new);
            assert_eq!(shown(model, said(Ok(enqueued))), shown(model, expected));
            if is_new {
                model.held.insert(notification.id);
            }
        }
        Step::Release { count } => {
            let untried: Vec<_> = model.held.iter().take(count).copied().collect();
            model.held.retain(|id| !untried.contains(id));
            store.release(untried).await;
        }
        Step::Race { n } => race(&harness, model, n).await,
        Step::Claim { limit } => {
            assert_eq!(store.claim(now, limit).await.unwrap(), model.claim(now, limit));
        }
        Step::Claimers { limit } => claimers(&harness, model, limit).await,
        Step::Settle { ref verdicts } => {
            let tried: Vec<_> = model
                .held
                .iter()
                .rev()
                .copied()
                .zip(verdicts.iter().map(|number| verdict(*number)))
                .collect();
            let expected = model.settle(&tried, now);
            assert_eq!(store.settle(tried, now).await.unwrap(), expected);
        }
        Step::Advance { seconds } => harness.advance(Duration::from_secs(seconds) + Duration::from_millis(1)),
        Step::Reopen => {
            model.held.clear();
            return harness.reopen().await;
        }
    }
    harness
}

fn shown(model: &Model, said: Said) -> Said {
    match said {
        Said::Replayed(notification) => Said::Replayed(model.shown(notification)),
        said => said,
    }
}

async fn race(harness: &impl Harness, model: &mut Model, n: u64) {
    let notification = text(n, person(n % PEOPLE), harness.now());
    let racers: Vec<_> = (0..4)
        .map(|_| {
            let (store, notification) = (harness.store(), notification.clone());
            tokio::spawn(async move { enqueue(&*store, &notification, None).await.unwrap().replayed })
        })
        .collect();
    let mut firsts = 0;
    for racer in racers {
        firsts += usize::from(!racer.await.unwrap());
    }
    let is_first = matches!(model.enqueue(&notification, None), Said::New(_));
    assert_eq!(firsts, usize::from(is_first));
}

async fn claimers(harness: &impl Harness, model: &mut Model, limit: usize) {
    let racers: Vec<_> = (0..4)
        .map(|_| {
            let (store, now) = (harness.store(), harness.now());
            tokio::spawn(async move { store.claim(now, limit).await.unwrap() })
        })
        .collect();
    let mut claimed = Vec::new();
    for racer in racers {
        claimed.extend(racer.await.unwrap().into_iter().map(|notification| notification.id));
    }
    let expected = model.claim(harness.now(), 4 * limit).into_iter().map(|notification| notification.id);
    assert_eq!(sorted(claimed), sorted(expected.collect()));
}

/// Everything that can be asked is answered as the model answers.
async fn compare(harness: &impl Harness, model: &Model) {
    let store = harness.store();
    for n in 0..PEOPLE {
        let listed = store.list(person(n), None, 1_000).await.unwrap();
        let listed: Vec<_> = listed.into_iter().map(|notification| model.shown(notification)).collect();
        let expected = model.list(person(n)).into_iter().map(|notification| model.shown(notification));
        assert_eq!(listed, expected.collect::<Vec<_>>());
    }
    for n in 0..IDS {
        let id = text(n, person(0), harness.now()).id;
        let found = store.notification(id).await.unwrap().map(|notification| model.shown(notification));
        let expected = model.notifications.get(&id).cloned().map(|notification| model.shown(notification));
        assert_eq!(found, expected);
    }
    let next = model.waiting().first().map(|(due, _)| *due);
    assert_eq!(store.next_due().await.unwrap(), next);
}

/// Random walks of up to 40 steps, every answer and every state compared with the model's.
pub(crate) fn agrees_with_the_model<H: Harness>() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (cases, failure_persistence) = (H::CASES, None);
    let mut runner =
        TestRunner::new(ProptestConfig { cases, failure_persistence, ..ProptestConfig::default() });
    let walked = runner.run(&proptest::collection::vec(step(), 1..40), |steps| {
        runtime.block_on(async {
            let (mut harness, mut model) = (H::new().await, Model::default());
            for step in &steps {
                harness = take(harness, &mut model, step).await;
                compare(&harness, &model).await;
            }
        });
        Ok(())
    });
    walked.unwrap_or_else(|failure| panic!("{failure}"));
}
