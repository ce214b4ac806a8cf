//! One write decides.

use futures_util::future::join_all;
use scylla::value::CqlValue;
use service_kit::cql::commit::{CommitConfig, CommitError, Outcome};

use super::world::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_commits_on_one_rev_wins() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    let events: Vec<_> = (1..=8).map(|n| world.event(n, account(1))).collect();
    let outcomes = join_all(events.iter().map(async |event| {
        let intended = commits.intend(draft(event), None, vec![]).await.unwrap();
        commits.commit(intended, vec![world.write(account(1), &event.id.to_string())]).await
    }))
    .await;
    // Under contention the cluster may not know; then the partition does.
    let won = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Committed { rev: 1 })));
    let unknown = outcomes.iter().filter(|outcome| matches!(outcome, Err(CommitError::Unknown(_))));
    let moved = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Moved)));
    let (won, unknown, moved) = (won.count(), unknown.count(), moved.count());
    assert_eq!(won + unknown + moved, 8, "{outcomes:?}");
    assert!(won <= 1 && won + unknown >= 1, "{outcomes:?}");
    let state = world.state(account(1)).await.unwrap();
    world.hand.advance(LONG);
    let published = pending(&commits).await;
    assert_eq!(published.iter().map(|event| event.id.to_string()).collect::<Vec<_>>(), [state]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rev_counts_the_commits_of_a_partition() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    for n in 1..=3 {
        let event = world.event(n, account(1));
        let rev = i64::try_from(n).unwrap();
        assert_eq!(world.change(&commits, &event).await.unwrap(), Outcome::Committed { rev });
        assert_eq!(world.state(account(1)).await.unwrap(), event.id.to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_read_rev_before_a_fence_cannot_commit_after_it() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    let key = CqlValue::Uuid(account(1));
    for n in 1..=2 {
        let event = world.event(n, account(1));
        let rev = commits.revision(&key).await.unwrap();
        let intended = commits.intend(draft(&event), rev, vec![]).await.unwrap();
        commits.fence(&key).await.unwrap();
        let outcome = commits.commit(intended, vec![world.write(account(1), "late")]).await.unwrap();
        assert_eq!(outcome, Outcome::Moved);
        assert_eq!(commits.revision(&key).await.unwrap(), Some(rev.unwrap_or(0) + 1));
    }
    assert_eq!(world.state(account(1)).await, None);
    assert_eq!(pending(&commits).await, []);
}

/// It was stopped for as long as it takes to be given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creator_that_resumes_after_it_was_settled_cannot_commit() {
    let world = World::begin().await;
    let (creator, sweeper) = (world.instance("a").await, world.instance("b").await);
    let event = world.event(1, account(1));
    let intended = creator.intend(draft(&event), None, vec![]).await.unwrap();
    world.hand.advance(LONG);
    assert_eq!(pending(&sweeper).await, []);
    let outcome = creator.commit(intended, vec![world.write(account(1), "late")]).await.unwrap();
    assert_eq!(outcome, Outcome::Moved);
    assert_eq!(world.state(account(1)).await, None);
    assert_eq!(pending(&sweeper).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creator_that_is_slow_and_not_given_up_commits() {
    let world = World::begin().await;
    let (creator, sweeper) = (world.instance("a").await, world.instance("b").await);
    let event = world.event(1, account(1));
    let intended = creator.intend(draft(&event), None, vec![]).await.unwrap();
    world.hand.advance(seconds(20));
    assert_eq!(pending(&sweeper).await, []);
    let outcome = creator.commit(intended, vec![world.write(account(1), "slow")]).await.unwrap();
    assert_eq!(outcome, Outcome::Committed { rev: 1 });
    world.hand.advance(LONG);
    assert_eq!(pending(&sweeper).await, [event]);
}

/// Its bucket may be closed by the time it is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_intents_are_all_too_old_is_not_sent() {
    let world = World::begin().await;
    let commits =
        world.configured(CommitConfig { commit_within: seconds(0), ..CommitConfig::default() }).await;
    let event = world.event(1, account(1));
    let refused = world.change(&commits, &event).await.unwrap_err();
    assert!(matches!(refused, CommitError::Unavailable(_)), "{refused:?}");
    assert_eq!(world.state(account(1)).await, None);
    world.hand.advance(LONG);
    assert_eq!(pending(&commits).await, []);
    // Each said itself that it was given up, so nobody had to fence.
    assert_eq!(commits.revision(&CqlValue::Uuid(account(1))).await.unwrap(), None);
}

/// The same event, tried twice: the attempt that lost says so, and must not speak for the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_one_attempt_is_not_the_end_of_another() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    let event = world.event(1, account(1));
    let first = commits.intend(draft(&event), None, vec![]).await.unwrap();
    let second = commits.intend(draft(&event), None, vec![]).await.unwrap();
    let write = || vec![world.write(account(1), "state")];
    assert_eq!(commits.commit(second, write()).await.unwrap(), Outcome::Committed { rev: 1 });
    assert_eq!(commits.commit(first, write()).await.unwrap(), Outcome::Moved);
    world.hand.advance(LONG);
    assert_eq!(pending(&commits).await, std::slice::from_ref(&event));
    mark(&commits, &[event]).await;
    assert_eq!(pending(&commits).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_draft_needs_no_fence_and_a_forgotten_one_gets_it() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    let abandoned = commits.intend(draft(&world.event(1, account(1))), None, vec![]).await.unwrap();
    commits.abandon(abandoned).await;
    drop(commits.intend(draft(&world.event(2, account(2))), None, vec![]).await.unwrap());
    world.hand.advance(LONG);
    assert_eq!(pending(&commits).await, []);
    let rev = async |n| commits.revision(&CqlValue::Uuid(account(n))).await.unwrap();
    assert_eq!((rev(1).await, rev(2).await), (None, Some(1)));
}

/// As a change that nobody is told of: a login, say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_without_an_event_leaves_nothing_to_publish() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    let silent =
        service_kit::cql::commit::Draft { key: CqlValue::Uuid(account(1)), event: None, request: None };
    for expected in [None, Some(1)] {
        let intended = commits.intend(silent.clone(), expected, vec![]).await.unwrap();
        let outcome = commits.commit(intended, vec![world.write(account(1), "quiet")]).await.unwrap();
        assert_eq!(outcome, Outcome::Committed { rev: expected.unwrap_or(0) + 1 });
    }
    assert_eq!(world.state(account(1)).await.unwrap(), "quiet");
    world.hand.advance(LONG);
    assert_eq!(pending(&commits).await, []);
}
