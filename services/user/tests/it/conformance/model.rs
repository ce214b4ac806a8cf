//! Random commands against a store and against a model small enough to be seen to be right.

use std::{collections::BTreeMap, time::Duration};

use proptest::{prelude::*, test_runner::TestRunner};
use user::{
    domain::{DisplayName, Email, Profile, User, UserId},
    store::{Committed, Store, StoreError},
};

use super::{Harness, by_id, create, delete, person, replace, request};

const PEOPLE: u64 = 6;
const ADDRESSES: [&str; 5] = ["a@b.de", "A@b.de", "c@d.de", "e@f.de", "é@f.de"];

/// One step. Numbers choose among few, so that steps meet.
#[derive(Clone, Debug)]
enum Step {
    Create {
        who: u64,
        address: usize,
        request: Option<u8>,
    },
    /// Eight creators of one address at once.
    Race {
        address: usize,
    },
    Update {
        who: u64,
        address: usize,
        is_stale: bool,
        request: Option<u8>,
    },
    Delete {
        who: u64,
        is_stale: bool,
        request: Option<u8>,
    },
    EnsureProfile {
        who: u64,
    },
    ReplaceProfile {
        who: u64,
        is_stale: bool,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let (who, address) = (0..PEOPLE, 0..ADDRESSES.len());
    let request = proptest::option::weighted(0.3, 0..4_u8);
    prop_oneof![
        5 => (who.clone(), address.clone(), request.clone())
            .prop_map(|(who, address, request)| Step::Create { who, address, request }),
        1 => address.clone().prop_map(|address| Step::Race { address }),
        4 => (who.clone(), address, any::<bool>(), request.clone())
            .prop_map(|(who, address, is_stale, request)| Step::Update { who, address, is_stale, request }),
        2 => (who.clone(), any::<bool>(), request)
            .prop_map(|(who, is_stale, request)| Step::Delete { who, is_stale, request }),
        2 => who.clone().prop_map(|who| Step::EnsureProfile { who }),
        2 => (who, any::<bool>()).prop_map(|(who, is_stale)| Step::ReplaceProfile { who, is_stale }),
        1 => Just(Step::Reopen),
    ]
}

#[derive(Default)]
struct Model {
    users: BTreeMap<UserId, User>,
    profiles: BTreeMap<UserId, Profile>,
    /// Name and content of a request, and the user it answered, if any.
    answers: BTreeMap<u8, (String, Option<User>)>,
    events: usize,
}

/// What the model says of a write.
#[derive(Debug, PartialEq)]
enum Expected<T> {
    Done(T),
    Replayed(T),
    NotFound,
    Stale,
    Taken,
    Reused,
}

fn seen<T>(result: Result<Committed<T>, StoreError>) -> Expected<T> {
    match result {
        Ok(Committed { value, replayed: false }) => Expected::Done(value),
        Ok(Committed { value, replayed: true }) => Expected::Replayed(value),
        Err(StoreError::NotFound) => Expected::NotFound,
        Err(StoreError::Stale) => Expected::Stale,
        Err(StoreError::EmailTaken { .. }) => Expected::Taken,
        Err(StoreError::RequestReused) => Expected::Reused,
        Err(error @ (StoreError::EventsBehind(_) | StoreError::Unavailable(_))) => panic!("{error:?}"),
    }
}

impl Model {
    fn owner(&self, address: &Email) -> Option<UserId> {
        self.users.values().find(|user| user.email.normal() == address.normal()).map(|user| user.id)
    }

    fn recall(&self, request: Option<u8>, content: &str) -> Option<Expected<Option<User>>> {
        let (asked, answer) = self.answers.get(&request?)?;
        Some(if asked == content { Expected::Replayed(answer.clone()) } else { Expected::Reused })
    }

    fn remember(&mut self, request: Option<u8>, content: &str, answer: Option<User>) {
        if let Some(request) = request {
            self.answers.insert(request, (content.to_owned(), answer));
        }
        self.events += 1;
    }

    fn create(&mut self, user: &User, request: Option<u8>, content: &str) -> Expected<User> {
        match self.recall(request, content) {
            Some(Expected::Replayed(Some(user))) => return Expected::Replayed(user),
            Some(_) => return Expected::Reused,
            None => {}
        }
        if self.owner(&user.email).is_some() {
            return Expected::Taken;
        }
        if self.users.contains_key(&user.id) {
            return Expected::Reused;
        }
        self.users.insert(user.id, user.clone());
        self.remember(request, content, Some(user.clone()));
        Expected::Done(user.clone())
    }

    fn update(&mut self, user: &User, request: Option<u8>, content: &str) -> Expected<User> {
        match self.recall(request, content) {
            Some(Expected::Replayed(Some(user))) => return Expected::Replayed(user),
            Some(_) => return Expected::Reused,
            None => {}
        }
        let Some(current) = self.users.get(&user.id) else { return Expected::NotFound };
        if current.version + 1 != user.version {
            return Expected::Stale;
        }
        if self.owner(&user.email).is_some_and(|owner| owner != user.id) {
            return Expected::Taken;
        }
        self.users.insert(user.id, user.clone());
        self.remember(request, content, Some(user.clone()));
        Expected::Done(user.clone())
    }

    fn delete(&mut self, user: &User, request: Option<u8>, content: &str) -> Expected<()> {
        match self.recall(request, content) {
            Some(Expected::Replayed(_)) => return Expected::Replayed(()),
            Some(_) => return Expected::Reused,
            None => {}
        }
        match self.users.get(&user.id) {
            None => Expected::NotFound,
            Some(current) if current.version != user.version => Expected::Stale,
            Some(_) => {
                self.users.remove(&user.id);
                self.profiles.remove(&user.id);
                self.remember(request, content, None);
                Expected::Done(())
            }
        }
    }

    /// The user as it is, or as it would be if it existed.
    fn known(&self, who: u64, harness: &impl Harness) -> User {
        let user = person(who, "nobody@b.de", harness.now());
        self.users.get(&user.id).cloned().unwrap_or(user)
    }
}

fn email(address: usize) -> Email {
    Email::parse("email", ADDRESSES[address]).unwrap()
}

fn named(request: Option<u8>, content: &str) -> Option<service_kit::requests::Request> {
    request.and_then(|id| super::request(&id.to_string(), content))
}

async fn take<H: Harness>(harness: H, model: &mut Model, step: &Step) -> H {
    let store = harness.store();
    match *step {
        Step::Create { who, address, request: id } => {
            let content = format!("create {who} {address}");
            let user = person(who, ADDRESSES[address], harness.now());
            let expected = model.create(&user, id, &content);
            assert_eq!(seen(create(&*store, &user, named(id, &content)).await), expected);
        }
        Step::Race { address } => race(&harness, model, address).await,
        Step::Update { who, address, is_stale, request: id } => {
            let content = format!("update {who} {address} {is_stale}");
            let current = model.known(who, &harness);
            let version = current.version + u64::from(!is_stale);
            let display_name = DisplayName::parse("n", &format!("Version {version}")).unwrap();
            let user = User { email: email(address), display_name, version, ..current };
            let expected = model.update(&user, id, &content);
            assert_eq!(seen(replace(&*store, &user, named(id, &content)).await), expected);
        }
        Step::Delete { who, is_stale, request: id } => {
            let content = format!("delete {who} {is_stale}");
            let current = model.known(who, &harness);
            let user = User { version: current.version + u64::from(is_stale), ..current };
            let expected = model.delete(&user, id, &content);
            assert_eq!(seen(delete(&*store, &user, named(id, &content)).await), expected);
        }
        Step::EnsureProfile { who } => {
            let user = model.known(who, &harness);
            if model.users.contains_key(&user.id) {
                let fresh = Profile::of(&user, harness.now());
                model.profiles.entry(user.id).or_insert(fresh);
            }
            let made = store.ensure_profile(user.id, harness.now()).await.unwrap();
            assert_eq!(made.as_ref(), model.profiles.get(&user.id));
        }
        Step::ReplaceProfile { who, is_stale } => replace_profile(&harness, model, who, is_stale).await,
        Step::Reopen => return harness.reopen().await,
    }
    harness
}

async fn race(harness: &impl Harness, model: &mut Model, address: usize) {
    let store = harness.store();
    let is_free = model.owner(&email(address)).is_none();
    // People of this race only: their number tells how many races there were.
    let first = 1_000 + model.events as u64 * 8;
    let racers: Vec<_> = (first..first + 8)
        .map(|n| {
            let (store, user) = (store.clone(), person(n, ADDRESSES[address], harness.now()));
            tokio::spawn(async move { seen(create(&*store, &user, None).await) })
        })
        .collect();
    let mut winners = Vec::new();
    for racer in racers {
        match racer.await.unwrap() {
            Expected::Done(user) => winners.push(user),
            refused => assert!(matches!(refused, Expected::Taken), "{refused:?}"),
        }
    }
    assert_eq!(winners.len(), usize::from(is_free));
    for winner in winners {
        model.create(&winner, None, "");
    }
}

async fn replace_profile(harness: &impl Harness, model: &mut Model, who: u64, is_stale: bool) {
    let user = model.known(who, harness);
    let fresh = Profile::of(&user, harness.now());
    let current = model.profiles.get(&user.id).cloned();
    let version = current.as_ref().map_or(1, |profile| profile.version) + u64::from(!is_stale);
    let profile = Profile { version, ..current.clone().unwrap_or(fresh) };
    let replaced = super::replace_profile(&*harness.store(), &profile, None).await;
    let expected = match current {
        None => Expected::NotFound,
        Some(_) if is_stale => Expected::Stale,
        Some(_) => {
            model.profiles.insert(user.id, profile.clone());
            model.events += 1;
            Expected::Done(profile)
        }
    };
    assert_eq!(seen(replaced), expected);
}

/// Everything that can be asked is answered as the model answers.
async fn compare(store: &dyn Store, model: &Model) {
    let listed = store.list_users(None, 1_000).await.unwrap();
    assert_eq!(listed, model.users.values().cloned().collect::<Vec<_>>());
    for (address, text) in ADDRESSES.iter().enumerate() {
        let found = store.user_by_email(email(address).normal()).await.unwrap();
        assert_eq!(found.map(|user| user.id), model.owner(&email(address)), "{text}");
    }
    for who in 0..PEOPLE {
        let id = person(who, "a@b.de", service_kit::clock::UnixMillis(0)).id;
        assert_eq!(by_id(store, id).await, model.users.get(&id).cloned());
        assert_eq!(store.profile(id).await.unwrap(), model.profiles.get(&id).cloned());
    }
    for id in 0..4_u8 {
        let unasked = request(&id.to_string(), "content that nobody asked for").unwrap();
        let recalled = store.recall(&unasked).await;
        assert_eq!(recalled.is_err(), model.answers.contains_key(&id));
    }
}

/// 48 random walks of up to 40 steps, every answer and every state compared with the model's.
pub(crate) fn agrees_with_the_model<H: Harness>() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() });
    let walked = runner.run(&proptest::collection::vec(step(), 1..40), |steps| {
        runtime.block_on(async {
            let (mut harness, mut model) = (H::new().await, Model::default());
            for step in &steps {
                // No two changes of one user happen in the same millisecond.
                harness.advance(Duration::from_millis(1));
                harness = take(harness, &mut model, step).await;
                compare(&*harness.store(), &model).await;
            }
            assert_eq!(harness.events().await.len(), model.events);
        });
        Ok(())
    });
    walked.unwrap_or_else(|failure| panic!("{failure}"));
}
