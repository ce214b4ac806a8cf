//! What a crash at a named point of the commit protocol may do, what becomes of a commit whose answer nobody has, and
//! the mistakes that the protocol's tests must bring to light.
//!
//! A panic stands for the crash: the instance is gone, and another one has only the cluster. The points are the
//! process's, so these tests are a program of their own, and take turns.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

#[path = "it/cql_commit/world.rs"]
mod world;

use fail::FailScenario;
use mesh_events::Outbox as _;
use scylla::value::CqlValue;
use service_kit::{
    clock::{Clock, UnixMillis},
    cql::commit::{CommitConfig, CommitError, Commits, Outcome},
};

use self::world::*;

/// An instance that does one change and publishes its event, until it crashes at a point.
async fn crash_at(world: &World, point: &str) {
    let commits = world.instance("a").await;
    let event = world.event(1, account(1));
    let outbox = commits.outbox();
    fail::cfg(point, "panic").unwrap();
    let change = async {
        assert_eq!(world.change(&commits, &event).await.unwrap(), Outcome::Committed { rev: 1 });
        outbox.mark_published(&[event.outbox_key()]).await.unwrap();
    };
    let crashed = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(change)).await;
    fail::remove(point);
    assert!(crashed.is_err(), "it never came to {point}");
}

/// The next instance publishes the event if, and only if, the change was made; at once and after a long time.
async fn assert_settled(world: &World, is_committed: bool, is_marked: bool) {
    assert_eq!(world.state(account(1)).await.is_some(), is_committed);
    let next = world.instance("b").await;
    let event = world.event(1, account(1));
    let expected = if is_committed && !is_marked { vec![event] } else { vec![] };
    assert_eq!(pending(&next).await, expected);
    world.hand.advance(LONG);
    assert_eq!(pending(&next).await, expected);
    mark(&next, &expected).await;
    assert_eq!(pending(&next).await, []);
    assert_eq!(world.state(account(1)).await.is_some(), is_committed, "settling changed the state");
}

#[tokio::test]
async fn a_crash_at_any_point_leaves_an_event_exactly_when_the_change_was_made() {
    let scenario = FailScenario::setup();
    for (point, is_committed, is_marked) in [
        ("commit.after-intent", false, false),
        ("commit.before-commit", false, false),
        ("commit.after-commit", true, false),
        ("commit.after-mark", true, true),
    ] {
        let world = World::begin().await;
        crash_at(&world, point).await;
        assert_settled(&world, is_committed, is_marked).await;
    }
    scenario.teardown();
}

/// The driver, or a coordinator, sent it again; or another's round ended it.
#[tokio::test]
async fn a_commit_that_comes_twice_is_one() {
    let scenario = FailScenario::setup();
    let world = World::begin().await;
    let commits = world.instance("a").await;
    fail::cfg("commit.send-twice", "return").unwrap();
    let event = world.event(1, account(1));
    assert_eq!(world.change(&commits, &event).await.unwrap(), Outcome::Committed { rev: 1 });
    fail::remove("commit.send-twice");
    assert_settled(&world, true, false).await;
    scenario.teardown();
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_in_the_partition() {
    let scenario = FailScenario::setup();
    let world = World::begin().await;
    let commits = world.instance("a").await;
    fail::cfg("commit.lose-answer", "return").unwrap();
    let event = world.event(1, account(1));
    assert_eq!(world.change(&commits, &event).await.unwrap(), Outcome::Committed { rev: 1 });
    fail::remove("commit.lose-answer");
    assert_settled(&world, true, false).await;
    scenario.teardown();
}

/// It may still come, so nobody knows, until the sweeper sees to it.
#[tokio::test]
async fn a_commit_that_was_lost_is_unknown_until_rev_is_another_one() {
    let scenario = FailScenario::setup();
    let world = World::begin().await;
    let commits = world.instance("a").await;
    fail::cfg("commit.lose-request", "return").unwrap();
    let event = world.event(1, account(1));
    let unknown = world.change(&commits, &event).await.unwrap_err();
    assert!(matches!(unknown, CommitError::Unknown(_)), "{unknown:?}");

    let moved = commits.intend(draft(&event), None, vec![]).await.unwrap();
    commits.fence(&CqlValue::Uuid(account(1))).await.unwrap();
    assert_eq!(commits.commit(moved, vec![]).await.unwrap(), Outcome::Moved);
    fail::remove("commit.lose-request");
    assert_settled(&world, false, false).await;
    scenario.teardown();
}

/// A creator stands still between its intent and its commit for as long as it takes to be given up, and goes on.
/// Says whether it could commit, and what is published afterwards.
async fn stall(world: &World) -> (Outcome, usize) {
    let (creator, sweeper) = (world.instance("a").await, world.instance("b").await);
    let event = world.event(1, account(1));
    let intended = creator.intend(draft(&event), None, vec![]).await.unwrap();
    world.hand.advance(LONG);
    assert_eq!(pending(&sweeper).await, []);
    let outcome = creator.commit(intended, vec![world.write(account(1), "late")]).await.unwrap();
    world.hand.advance(LONG);
    (outcome, pending(&sweeper).await.len())
}

#[tokio::test]
async fn without_the_fence_an_event_is_lost() {
    let scenario = FailScenario::setup();
    assert_eq!(stall(&World::begin().await).await, (Outcome::Moved, 0));
    fail::cfg("bug.skip-fence", "return").unwrap();
    let outcome = stall(&World::begin().await).await;
    assert_eq!(outcome, (Outcome::Committed { rev: 1 }, 0), "the bug is not there, or does no harm");
    scenario.teardown();
}

/// An instance whose clock is behind commits into a bucket that has ended, and crashes before it publishes. Gives what
/// is published then, and what a look back has to find.
async fn come_late(world: &World) -> (usize, u64) {
    let every = seconds(600);
    let config = CommitConfig { look_back: 2 * every, look_back_every: every, ..CommitConfig::default() };
    let sweeper = world.configured(config).await;
    pending(&sweeper).await;
    world.hand.advance(seconds(11));
    pending(&sweeper).await;
    let (clock, _) = Clock::manual(UnixMillis(world.clock.now().0 - 5_000));
    let config = CommitConfig { instance: "late".to_owned(), ..CommitConfig::default() };
    let late = Commits::open(world.cql.clone(), clock, config, ACCOUNTS).await.unwrap();
    world.changed(&late, &world.event(1, account(1))).await;
    drop(late);
    let published = pending(&sweeper).await;
    mark(&sweeper, &published).await;
    world.hand.advance(every);
    for _ in 0..10 {
        mark(&sweeper, &pending(&sweeper).await).await;
    }
    assert_eq!(pending(&sweeper).await, []);
    (published.len(), sweeper.outbox().overlooked())
}

#[tokio::test]
async fn without_its_grace_a_bucket_is_closed_on_an_event() {
    let scenario = FailScenario::setup();
    assert_eq!(come_late(&World::begin().await).await, (1, 0));
    fail::cfg("bug.cql-bucket-no-grace", "return").unwrap();
    assert_eq!(come_late(&World::begin().await).await, (0, 1), "the bug is not there, or does no harm");
    scenario.teardown();
}
