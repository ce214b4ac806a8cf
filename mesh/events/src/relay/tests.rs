//! The relay under a paused clock: what is published, once, and what stays.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Publisher, Relay, RelayConfig};
use crate::doubles::{Asked, FakeBus, FakeOutbox, event};

struct Running {
    publisher: Publisher,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

fn config(batch_max: usize, offered_max: usize) -> RelayConfig {
    let bound = |n| NonZeroUsize::new(n).unwrap();
    RelayConfig { batch_max: bound(batch_max), offered_max: bound(offered_max), ..quick() }
}

/// Marks do not gather.
fn quick() -> RelayConfig {
    RelayConfig { mark_every: Duration::ZERO, ..RelayConfig::default() }
}

fn run(outbox: &Arc<FakeOutbox>, bus: &Arc<FakeBus>, config: RelayConfig) -> Running {
    let (publisher, relay) = Relay::new(outbox.clone(), bus.clone(), config);
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(relay.run(shutdown.clone()));
    Running { publisher, shutdown, task }
}

impl Running {
    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

/// Lets the relay do everything that it can do now.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn publishes_what_is_offered_at_once_and_marks_it() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let relay = run(&outbox, &bus, quick());
    settle().await;
    outbox.append(1);
    assert!(relay.publisher.offer(event(1)));
    settle().await;
    assert_eq!(bus.published(), [1]);
    assert!(outbox.left().is_empty());
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn publishes_in_batches_of_the_configured_size() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let relay = run(&outbox, &bus, config(3, 64));
    for n in 0..8 {
        assert!(relay.publisher.offer(event(n)));
    }
    settle().await;
    assert_eq!(bus.published(), (0..8).collect::<Vec<_>>());
    let sizes = bus.asked().into_iter().map(|asked| if let Asked::Publish(n) = asked { n.len() } else { 0 });
    assert!(sizes.clone().all(|size| size <= 3) && sizes.clone().max() == Some(3));
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_first_sweep_takes_every_leftover_without_waiting() {
    let (outbox, bus) = (FakeOutbox::with(0..10), Arc::new(FakeBus::default()));
    let relay = run(&outbox, &bus, config(4, 64));
    settle().await;
    assert_eq!(bus.published(), (0..10).collect::<Vec<_>>());
    assert!(outbox.left().is_empty());
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn later_sweeps_leave_young_events_to_the_fast_path() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let relay = run(&outbox, &bus, quick());
    settle().await;
    *outbox.now_ms.lock().unwrap() = 10_000;
    [7_000, 9_000].into_iter().for_each(|n| outbox.append(n));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(bus.published(), [7_000]);
    *outbox.now_ms.lock().unwrap() = 11_000;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bus.published(), [7_000, 9_000]);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_swept_is_not_published_again_when_it_is_offered() {
    let (outbox, bus) = (FakeOutbox::with([1, 2]), Arc::new(FakeBus::default()));
    let relay = run(&outbox, &bus, quick());
    settle().await;
    relay.publisher.offer(event(1));
    relay.publisher.offer(event(3));
    relay.publisher.offer(event(2));
    settle().await;
    assert_eq!(bus.published(), [1, 2, 3]);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_mark_was_lost_is_only_marked_again() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let relay = run(&outbox, &bus, quick());
    settle().await;
    *outbox.mark_failures.lock().unwrap() = 1;
    outbox.append(1);
    relay.publisher.offer(event(1));
    settle().await;
    assert_eq!((bus.published(), outbox.left()), (vec![1], vec![1]));
    *outbox.now_ms.lock().unwrap() = 60_000;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((bus.published(), outbox.left()), (vec![1], vec![]));
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_marks_is_not_followed_by_a_mark() {
    let outbox = FakeOutbox::with([]);
    let bus = Arc::new(FakeBus { marks: true, ..FakeBus::default() });
    let relay = run(&outbox, &bus, quick());
    settle().await;
    // Had the relay marked as well, this would have been taken.
    outbox.append(1);
    relay.publisher.offer(event(1));
    settle().await;
    assert_eq!((bus.published(), outbox.left()), (vec![1], vec![1]));
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_bus_failed_to_take_is_swept() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let relay = run(&outbox, &bus, quick());
    settle().await;
    *bus.failures.lock().unwrap() = 2;
    outbox.append(1);
    relay.publisher.offer(event(1));
    *outbox.now_ms.lock().unwrap() = 60_000;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((bus.published(), outbox.left()), (vec![1], vec![]));
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_the_fast_path_is_swept_as_soon_as_it_has_drained() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let relay = run(&outbox, &bus, config(256, 2));
    settle().await;
    let offered: Vec<_> = (0..5)
        .map(|n| {
            outbox.append(n);
            relay.publisher.offer(event(n))
        })
        .collect();
    assert_eq!(offered, [true, true, false, false, false]);
    // Neither the age of the events nor the clock of the sweep is waited for.
    settle().await;
    let mut published = bus.published();
    published.sort_unstable();
    assert_eq!((published, outbox.left()), (vec![0, 1, 2, 3, 4], vec![]));
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_keeps_its_events_in_the_outbox_and_starves_no_others() {
    let (outbox, bus) = (FakeOutbox::with(0..12), Arc::new(FakeBus::default()));
    *bus.refused.lock().unwrap() = (0..8).collect();
    *outbox.now_ms.lock().unwrap() = 60_000;
    let relay = run(&outbox, &bus, config(3, 64));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((bus.published(), outbox.left()), (vec![8, 9, 10, 11], (0..8).collect()));
    bus.refused.lock().unwrap().clear();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(outbox.left().is_empty());
    assert_eq!(bus.published().len(), 12);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_publishes_what_was_offered_and_takes_no_more() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let relay = run(&outbox, &bus, config(4, 64));
    settle().await;
    for n in 0..10 {
        relay.publisher.offer(event(n));
    }
    let publisher = relay.publisher.clone();
    relay.stop().await;
    assert_eq!(bus.published(), (0..10).collect::<Vec<_>>());
    assert!(!publisher.offer(event(10)));
}

#[tokio::test(start_paused = true)]
async fn the_next_batch_does_not_wait_until_the_last_one_is_marked() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let relay = run(&outbox, &bus, quick());
    settle().await;
    *outbox.mark_time.lock().unwrap() = Duration::from_millis(100);
    for n in 1..=3 {
        outbox.append(n);
        relay.publisher.offer(event(n));
        settle().await;
    }
    assert_eq!((bus.published(), outbox.left()), (vec![1, 2, 3], vec![1, 2, 3]));
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!((bus.published(), outbox.left()), (vec![1, 2, 3], vec![]));
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn marks_gather_for_a_while_unless_many_wait() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let config = RelayConfig { mark_every: Duration::from_millis(100), ..config(1, 64) };
    let relay = run(&outbox, &bus, config);
    settle().await;
    let publish = async |numbers: std::ops::RangeInclusive<u64>| {
        for n in numbers {
            outbox.append(n);
            relay.publisher.offer(event(n));
            settle().await;
        }
    };
    publish(1..=4).await;
    assert_eq!((bus.published(), outbox.left()), (vec![1, 2, 3, 4], vec![2, 3, 4]));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(outbox.left(), [0_u64; 0]);
    publish(5..=7).await;
    assert_eq!(outbox.left(), [5, 6, 7]);
    publish(8..=8).await;
    assert_eq!(outbox.left(), [0_u64; 0], "four batches");
    publish(9..=10).await;
    assert_eq!(outbox.left(), [9, 10]);
    relay.stop().await;
    assert_eq!(outbox.left(), [0_u64; 0], "a stop does not wait");
    assert_eq!(bus.published(), (1..=10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn marks_do_not_gather_where_publishing_would_wait_for_them() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let mark_every = Duration::from_secs(3_600);
    let relay = run(&outbox, &bus, RelayConfig { mark_every, ..config(512, 2) });
    settle().await;
    for n in 1..=5 {
        outbox.append(n);
        relay.publisher.offer(event(n));
        settle().await;
    }
    assert_eq!((bus.published(), outbox.left()), (vec![1, 2, 3, 4, 5], vec![]));
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn publishing_waits_when_too_many_events_have_no_mark() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let relay = run(&outbox, &bus, config(1, 4));
    settle().await;
    *outbox.mark_time.lock().unwrap() = Duration::from_millis(500);
    for n in 1..=9 {
        outbox.append(n);
        relay.publisher.offer(event(n));
        settle().await;
    }
    // One is being marked, four wait.
    assert_eq!(bus.published(), [1, 2, 3, 4, 5]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(bus.published(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    relay.stop().await;
    assert!(outbox.left().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_published_while_a_page_is_looked_for_is_not_published_again() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let relay = run(&outbox, &bus, quick());
    settle().await;
    // The sweep of the next second finds it, and takes its time.
    *outbox.now_ms.lock().unwrap() = 60_000;
    *outbox.page_time.lock().unwrap() = Duration::from_millis(500);
    outbox.append(1);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    relay.publisher.offer(event(1));
    settle().await;
    assert_eq!((bus.published(), outbox.left()), (vec![1], vec![]));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(bus.published(), [1]);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_mark_is_on_its_way_is_not_published_again() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let relay = run(&outbox, &bus, quick());
    settle().await;
    *outbox.now_ms.lock().unwrap() = 60_000;
    *outbox.mark_time.lock().unwrap() = Duration::from_millis(1_500);
    for n in [1, 2] {
        outbox.append(n);
        relay.publisher.offer(event(n));
        settle().await;
    }
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!((bus.published(), outbox.left()), (vec![1, 2], vec![]));
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_fast_path_does_not_wait_for_a_sweep() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    *outbox.page_time.lock().unwrap() = Duration::from_millis(500);
    let relay = run(&outbox, &bus, quick());
    settle().await;
    outbox.append(1);
    relay.publisher.offer(event(1));
    settle().await;
    assert_eq!(bus.published(), [1]);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_the_marks() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    *outbox.mark_time.lock().unwrap() = Duration::from_millis(100);
    let relay = run(&outbox, &bus, config(2, 64));
    settle().await;
    for n in 0..9 {
        outbox.append(n);
        relay.publisher.offer(event(n));
    }
    relay.stop().await;
    assert_eq!(bus.published(), (0..9).collect::<Vec<_>>());
    assert!(outbox.left().is_empty());
}

#[tokio::test(start_paused = true)]
async fn goes_on_sweeping_when_nobody_offers_any_more() {
    let (outbox, bus) = (FakeOutbox::with([]), Arc::new(FakeBus::default()));
    let Running { publisher, shutdown, task } = run(&outbox, &bus, quick());
    drop(publisher);
    settle().await;
    *outbox.now_ms.lock().unwrap() = 60_000;
    outbox.append(1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bus.published(), [1]);
    shutdown.cancel();
    task.await.unwrap();
}
