//! What creators left behind is published, in order, once, and what never happened is not.

use std::time::Duration;

use mesh_events::{Envelope, Outbox as _};
use service_kit::{
    clock::{Clock, Hand, UnixMillis},
    cql::{
        Purpose,
        commit::{CommitConfig, CommitError, Commits},
    },
};
use uuid::Uuid;

use super::world::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_instance_committed_is_published_by_the_next() {
    let world = World::begin().await;
    let event = world.event(1, account(1));
    world.changed(&world.instance("a").await, &event).await;
    let next = world.instance("b").await;
    assert_eq!(pending(&next).await, std::slice::from_ref(&event));
    mark(&next, &[event]).await;
    assert_eq!(pending(&next).await, []);
    let another = world.instance("c").await;
    world.hand.advance(LONG);
    assert_eq!(pending(&another).await, []);
}

/// Each set is a row, and a bucket's rows are more than one read gives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_marked_in_many_small_sets_is_not_pending() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    let events: Vec<_> = (1..=70).map(|n| world.event(n, account(1))).collect();
    for event in &events {
        world.changed(&commits, event).await;
    }
    for event in &events[..69] {
        mark(&commits, std::slice::from_ref(event)).await;
    }
    assert_eq!(pending(&world.instance("b").await).await, events[69..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_older_version_has_published_is_not_published_again() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    let events = [world.event(1, account(1)), world.event(2, account(2))];
    for event in &events {
        world.changed(&commits, event).await;
    }
    mark_as_an_older_version(&world, &events[0]).await;
    assert_eq!(pending(&commits).await, events[1..]);
}

/// Every tick, as the relay does, while time passes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_nobody_publishes_stays_pending_while_time_passes() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    let event = world.event(1, account(1));
    pending(&commits).await;
    world.changed(&commits, &event).await;
    for _ in 0..40 {
        world.hand.advance(seconds(3));
        let swept = commits.outbox().pending(seconds(2), None, 10).await.unwrap();
        assert_eq!(swept, std::slice::from_ref(&event));
    }
    assert_eq!(commits.lag(), seconds(120));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_backlog_comes_in_order_page_by_page() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    let mut events = Vec::new();
    for n in 1..=60 {
        let event = world.event(n, account(n % 7));
        world.changed(&commits, &event).await;
        events.push(event);
        world.hand.advance(Duration::from_millis(1_700));
    }
    let next = world.instance("b").await;
    let outbox = next.outbox();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page: Vec<Envelope> = outbox.pending(Duration::ZERO, after, 7).await.unwrap();
        after = page.last().map(Envelope::outbox_key);
        // Half of them are marked on the way, as the relay does.
        mark(&next, &page[..page.len() / 2]).await;
        let is_last = page.len() < 7;
        seen.extend(page);
        if is_last {
            break;
        }
    }
    assert_eq!(seen, events);
    assert_eq!(pending(&next).await.len(), 60 - 8 * 3 - 2);
}

/// An instance whose clock is behind writes into buckets that have ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intent_that_comes_after_its_bucket_ended_is_found() {
    let world = World::begin().await;
    let sweeper = world.instance("a").await;
    let (late, hand) = behind(&world, seconds(9)).await;
    for n in 1..=20 {
        world.hand.advance(seconds(1));
        hand.advance(seconds(1));
        pending(&sweeper).await;
        let event = world.event(n, account(n));
        world.changed(&late, &event).await;
        assert_eq!(pending(&sweeper).await, std::slice::from_ref(&event));
        mark(&sweeper, &[event]).await;
    }
    assert_eq!(sweeper.outbox().overlooked(), 0);
}

/// More than the protocol allows for: the look back finds it, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intent_in_a_closed_bucket_is_found_by_the_look_back() {
    let world = World::begin().await;
    let every = seconds(600);
    let config = CommitConfig { look_back: every, look_back_every: every, ..CommitConfig::default() };
    let sweeper = world.configured(config).await;
    pending(&sweeper).await;
    world.hand.advance(seconds(300));
    pending(&sweeper).await;
    let event = world.event(1, account(1));
    world.changed(&behind(&world, seconds(120)).await.0, &event).await;
    world.hand.advance(seconds(200));
    assert_eq!(pending(&sweeper).await, []);
    assert_eq!(sweeper.outbox().overlooked(), 0);
    world.hand.advance(seconds(100));
    let mut found = Vec::new();
    for _ in 0..10 {
        found.extend(pending(&sweeper).await);
    }
    assert_eq!(found.first(), Some(&event));
    assert_eq!(sweeper.outbox().overlooked(), 1);
    mark(&sweeper, &[event]).await;
    assert_eq!(pending(&sweeper).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_new_is_accepted_while_events_are_too_old() {
    let world = World::begin().await;
    let config = CommitConfig { lag_max: seconds(600), lag_alarm: LONG, ..CommitConfig::default() };
    let commits = world.configured(config).await;
    let (old, new) = (world.event(1, account(1)), world.event(2, account(2)));
    world.changed(&commits, &old).await;
    world.hand.advance(seconds(601));
    // Not known yet.
    assert_eq!(commits.lag(), Duration::ZERO);
    assert_eq!(pending(&commits).await, std::slice::from_ref(&old));
    assert_eq!(commits.lag(), seconds(601));
    let refused = world.change(&commits, &new).await.unwrap_err();
    assert!(matches!(refused, CommitError::OutboxLag { .. }), "{refused:?}");
    mark(&commits, &[old]).await;
    assert_eq!(pending(&commits).await, []);
    world.changed(&commits, &new).await;
}

/// Another instance of the world whose clock is behind, and the hand that moves it.
async fn behind(world: &World, by: Duration) -> (Commits, Hand) {
    let by = u64::try_from(by.as_millis()).unwrap();
    let (clock, hand) = Clock::manual(UnixMillis(world.clock.now().0 - by));
    let config = CommitConfig { instance: "late".to_owned(), ..CommitConfig::default() };
    (Commits::open(world.cql.clone(), clock, config, ACCOUNTS).await.unwrap(), hand)
}

/// Marks an event as published as the first version of the schema did: with a row for each intent.
async fn mark_as_an_older_version(world: &World, event: &Envelope) {
    let intents = "SELECT shard, bucket, event_id, attempt FROM outbox_intent";
    let put = "INSERT INTO outbox_mark (shard, bucket, event_id, attempt, mark) VALUES (?, ?, ?, ?, 1)";
    let intents = world.cql.prepare(Purpose::Read, intents).await.unwrap();
    let put = world.cql.prepare(Purpose::Write, put).await.unwrap();
    let rows = world.cql.rows(&intents, ()).await.unwrap();
    let rows = rows.rows::<(i16, i32, Uuid, Uuid)>().unwrap().map(Result::unwrap);
    let intents: Vec<_> = rows.filter(|(_, _, id, _)| *id == event.id).collect();
    assert_eq!(intents.len(), 1);
    world.cql.write(&put, intents[0]).await.unwrap();
}
