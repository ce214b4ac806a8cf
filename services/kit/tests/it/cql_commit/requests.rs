//! One request id commits one content.

use std::time::Duration;

use futures_util::future::join_all;
use mesh_events::Envelope;
use scylla::value::CqlValue;
use service_kit::{
    cql::commit::{CommitError, Commits, Draft, Intended, Outcome, Recalled},
    requests::{REMEMBERED, Request},
};
use uuid::Uuid;

use super::world::*;

fn request(id: &str, content: &str) -> Request {
    Request::new("test", id, &[content.as_bytes()]).unwrap().unwrap()
}

fn asked(event: &Envelope, request: &Request, answer: &str) -> Draft {
    Draft { request: Some((request.clone(), answer.into())), ..draft(event) }
}

fn answered(answer: &str) -> Recalled {
    Recalled::Answered(answer.into())
}

async fn rev(commits: &Commits, account: Uuid) -> Option<i64> {
    commits.revision(&CqlValue::Uuid(account)).await.unwrap()
}

async fn intend(world: &World, commits: &Commits, n: u128, request: &Request) -> Intended {
    let event = world.event(n, account(n));
    let rev = rev(commits, account(n)).await;
    commits.intend(asked(&event, request, &n.to_string()), rev, vec![]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_request_gets_the_first_answer_and_another_content_is_told() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    let one = request("id", "one");
    assert_eq!(commits.recall(&one).await.unwrap(), Recalled::New);
    let first = intend(&world, &commits, 1, &one).await;
    assert_eq!(commits.check_request(&first).await.unwrap(), Recalled::New);
    // A pointer proves nothing.
    assert_eq!(commits.recall(&one).await.unwrap(), Recalled::New);
    let outcome = commits.commit(first, vec![world.write(account(1), "one")]).await.unwrap();
    assert_eq!(outcome, Outcome::Committed { rev: 1 });
    for asked in [&one, &request("id", "two")] {
        let expected = if *asked == one { answered("1") } else { Recalled::Reused };
        assert_eq!(commits.recall(asked).await.unwrap(), expected);
        // At the same aggregate, and at another one.
        for n in [1, 2] {
            let again = intend(&world, &commits, n, asked).await;
            assert_eq!(commits.check_request(&again).await.unwrap(), expected, "{n}");
            commits.abandon(again).await;
        }
    }
    assert_eq!(rev(&commits, account(1)).await, Some(1), "who is decided is not fenced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_expired_is_forgotten() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    let (one, two) = (request("id", "one"), request("id", "two"));
    let first = intend(&world, &commits, 1, &one).await;
    commits.commit(first, vec![]).await.unwrap();
    world.hand.advance(REMEMBERED);
    assert_eq!(commits.recall(&one).await.unwrap(), Recalled::New);
    let second = intend(&world, &commits, 1, &two).await;
    assert_eq!(commits.check_request(&second).await.unwrap(), Recalled::New);
    assert_eq!(commits.commit(second, vec![]).await.unwrap(), Outcome::Committed { rev: 2 });
    assert_eq!(commits.recall(&two).await.unwrap(), answered("1"));
}

/// Whoever checks last wins, because it fences the other; both may be refused, both can never win.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_contents_in_every_order_at_most_one_is_committed() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    // A checks, B checks, A commits, B commits; A checks and commits, B checks; B in between.
    for (case, order) in ["AaBb", "ABab", "ABba"].into_iter().enumerate() {
        let (a, b) = (10 * case as u128 + 1, 10 * case as u128 + 2);
        let ids = [request(order, "a"), request(order, "b")];
        let mut drafts = [
            Some(intend(&world, &commits, a, &ids[0]).await),
            Some(intend(&world, &commits, b, &ids[1]).await),
        ];
        let (mut recalled, mut won) = ([None, None], 0);
        for step in order.chars() {
            let who = usize::from(step.eq_ignore_ascii_case(&'b'));
            if step.is_uppercase() {
                let draft = drafts[who].as_ref().unwrap();
                recalled[who] = Some(commits.check_request(draft).await.unwrap());
            } else if recalled[who] == Some(Recalled::New) {
                let outcome = commits.commit(drafts[who].take().unwrap(), vec![]).await.unwrap();
                won += i32::from(matches!(outcome, Outcome::Committed { .. }));
            }
        }
        assert_eq!(won, i32::from(order == "AaBb"), "{order}: {recalled:?}");
        if order == "AaBb" {
            assert_eq!(recalled[1], Some(Recalled::Reused));
        }
    }
}

/// As a service's handler: until it is decided.
async fn decide(world: &World, commits: &Commits, n: u128, request: &Request) -> Result<bool, CommitError> {
    let pace = Duration::from_millis(n.try_into().unwrap_or(1));
    loop {
        let rev = rev(commits, account(n)).await;
        let event = world.event(Uuid::new_v4().as_u128(), account(n));
        let intended = commits.intend(asked(&event, request, &n.to_string()), rev, vec![]).await?;
        if commits.check_request(&intended).await? != Recalled::New {
            return Ok(false);
        }
        let outcome = commits.commit(intended, vec![world.write(account(n), "won")]).await?;
        if outcome != Outcome::Moved {
            return Ok(true);
        }
        // Each at a pace of their own, so that they do not stop each other for ever.
        tokio::time::sleep(pace * 25).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_contents_for_one_request_exactly_one_is_committed() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    let outcomes = join_all((1..=4_u128).map(|n| {
        let (world, commits) = (&world, &commits);
        async move {
            let request = request("id", &n.to_string());
            loop {
                // Unknown: the caller repeats.
                match decide(world, commits, n, &request).await {
                    Ok(won) => return won,
                    Err(CommitError::OutboxLag { .. }) => unreachable!("nothing is old"),
                    Err(_) => {}
                }
            }
        }
    }))
    .await;
    let mut states = 0;
    for n in 1..=4 {
        states += i32::from(world.state(account(n)).await.is_some());
    }
    assert_eq!(states, 1, "{outcomes:?}");
    world.hand.advance(LONG);
    assert_eq!(pending(&commits).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_serves_too_many_contents_is_refused() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    let mut last = None;
    for n in 1..=33 {
        last = Some(intend(&world, &commits, n, &request("id", &n.to_string())).await);
    }
    assert_eq!(commits.check_request(&last.unwrap()).await.unwrap(), Recalled::Reused);
}
