//! Instances share the shards.

use std::collections::BTreeSet;

use service_kit::cql::commit::Commits;

use super::world::*;

async fn sweep(world: &World, instances: &[&Commits], rounds: usize) {
    for _ in 0..rounds {
        world.hand.advance(seconds(6));
        for commits in instances {
            pending(commits).await;
        }
    }
}

async fn shards(commits: &Commits) -> BTreeSet<i16> {
    commits.outbox().shards().await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_share_the_shards_and_each_event_is_pending_at_one() {
    let world = World::begin().await;
    let (a, b) = (world.instance("a").await, world.instance("b").await);
    pending(&a).await;
    assert_eq!(shards(&a).await.len(), 16, "whoever is alone has all of them at once");
    sweep(&world, &[&a, &b], 3).await;
    let (of_a, of_b) = (shards(&a).await, shards(&b).await);
    assert_eq!((of_a.len(), of_b.len()), (8, 8));
    assert!(of_a.is_disjoint(&of_b));

    let events: Vec<_> = (1..=40).map(|n| world.event(n, account(n))).collect();
    for event in &events {
        world.changed(&a, event).await;
    }
    let (at_a, at_b) = (pending(&a).await, pending(&b).await);
    assert!(!at_a.is_empty() && !at_b.is_empty());
    let mut all: Vec<_> = at_a.into_iter().chain(at_b).collect();
    all.sort_by_key(|event| event.outbox_key());
    assert_eq!(all, events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shards_of_an_instance_that_died_are_taken_over_with_what_it_left() {
    let world = World::begin().await;
    let (a, b) = (world.instance("a").await, world.instance("b").await);
    sweep(&world, &[&a, &b], 3).await;
    let events: Vec<_> = (1..=20).map(|n| world.event(n, account(n))).collect();
    for event in &events {
        world.changed(&a, event).await;
    }
    drop(a);
    let left = pending(&b).await.len();
    assert!(left < events.len(), "some are in shards of the other instance");
    world.hand.advance(seconds(16));
    assert_eq!(pending(&b).await, events);
    assert_eq!(shards(&b).await.len(), 16);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_comes_back_under_its_name_has_its_shards_at_once() {
    let world = World::begin().await;
    let commits = world.instance("a").await;
    pending(&commits).await;
    let event = world.event(1, account(1));
    world.changed(&commits, &event).await;
    drop(commits);
    // The lease of its former life has not expired.
    assert_eq!(pending(&world.instance("a").await).await, [event]);
}
