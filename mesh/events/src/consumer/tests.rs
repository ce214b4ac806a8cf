//! The consumer under a paused clock: how each end of an attempt is settled, and how it stops.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use rand::{SeedableRng, rngs::StdRng};
use tokio::{sync::Barrier, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Consumer, ConsumerConfig, HandleError, Handler, Ladder};
use crate::{
    Delivery, Envelope, Subscription,
    doubles::{Asked, CREATED, FakeBus, delivery, down},
};

/// What a handler does with the event of a number.
type Act = fn(u64) -> Option<Result<(), HandleError>>;

struct Acting(Act);

#[async_trait]
impl Handler for Acting {
    async fn handle(&self, event: &Envelope) -> Result<(), HandleError> {
        match (self.0)(event.version) {
            Some(result) => result,
            None => std::future::pending().await,
        }
    }
}

fn config() -> ConsumerConfig {
    let ladder = Ladder { jitter: 0.0, ..Ladder::default() };
    ConsumerConfig { ladder, ..ConsumerConfig::default() }
}

fn run(
    bus: &Arc<FakeBus>,
    handler: impl Handler,
    config: ConsumerConfig,
) -> (CancellationToken, JoinHandle<()>) {
    let subscription = Subscription::new("q", [CREATED]);
    let consumer = Consumer::new(bus.clone(), subscription, Arc::new(handler), config)
        .with_rng(StdRng::seed_from_u64(1));
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(consumer.run(shutdown.clone()));
    (shutdown, task)
}

/// Feeds deliveries to a consumer, stops it when it has done what it can do, and gives what it asked of the
/// bus, but for the subscription.
async fn asked_for(deliveries: &[(u64, u32)], act: Act) -> Vec<Asked> {
    let bus = Arc::new(FakeBus::default());
    let source = bus.source();
    for &(n, attempt) in deliveries {
        source.send(Ok(delivery(n, attempt))).unwrap();
    }
    asked_by(&bus, act).await
}

async fn asked_by(bus: &Arc<FakeBus>, act: Act) -> Vec<Asked> {
    let (shutdown, task) = run(bus, Acting(act), config());
    tokio::time::sleep(Duration::from_secs(60)).await;
    shutdown.cancel();
    task.await.unwrap();
    bus.asked().into_iter().filter(|asked| *asked != Asked::Subscribe).collect()
}

#[tokio::test(start_paused = true)]
async fn a_handled_event_is_acknowledged() {
    assert_eq!(asked_for(&[(7, 1)], |_| Some(Ok(()))).await, [Asked::Ack(vec![7])]);
}

#[tokio::test(start_paused = true)]
async fn a_transient_failure_comes_again_by_the_ladder() {
    let fails: Act = |_| Some(Err(HandleError::transient("busy")));
    let seconds = Duration::from_secs;
    assert_eq!(asked_for(&[(7, 1)], fails).await, [Asked::Retry(7, seconds(5))]);
    assert_eq!(asked_for(&[(7, 4)], fails).await, [Asked::Retry(7, seconds(3600))]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_deliveries_without_an_outcome_comes_again_as_soon_as_the_first() {
    let bus = Arc::new(FakeBus::default());
    bus.source().send(Ok(Delivery { failures: 0, ..delivery(7, 5) })).unwrap();
    let asked = asked_by(&bus, |_| Some(Err(HandleError::transient("busy")))).await;
    assert_eq!(asked, [Asked::Retry(7, Duration::from_secs(5))]);
}

#[tokio::test(start_paused = true)]
async fn the_last_transient_failure_is_parked_with_its_cause() {
    let fails: Act = |_| Some(Err(HandleError::transient("busy")));
    let asked = asked_for(&[(7, 8)], fails).await;
    assert_eq!(asked, [Asked::Park(7, "gave up after 8 attempts: busy".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_is_parked_at_once_with_its_chain_of_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the body")]
    struct Unreadable(#[source] std::fmt::Error);
    let asked =
        asked_for(&[(7, 1)], |_| Some(Err(HandleError::permanent(Unreadable(std::fmt::Error))))).await;
    let reason = format!("cannot read the body: {}", std::fmt::Error);
    assert_eq!(asked, [Asked::Park(7, reason)]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_transient_and_hurts_no_other_event() {
    let asked = asked_for(&[(1, 1), (2, 1)], |n| if n == 1 { panic!("a bug") } else { Some(Ok(())) }).await;
    assert!(asked.contains(&Asked::Retry(1, Duration::from_secs(5))), "{asked:?}");
    assert!(asked.contains(&Asked::Ack(vec![2])), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_comes_again() {
    assert_eq!(asked_for(&[(7, 1)], |_| None).await, [Asked::Retry(7, Duration::from_secs(5))]);
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_deliveries_never_had_an_outcome_is_parked_unhandled() {
    let asked = asked_for(&[(7, 9)], |_| panic!("it was handled")).await;
    assert_eq!(asked, [Asked::Park(7, "8 deliveries had no outcome".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn events_are_handled_side_by_side() {
    struct Meeting(Barrier);
    #[async_trait]
    impl Handler for Meeting {
        async fn handle(&self, _: &Envelope) -> Result<(), HandleError> {
            self.0.wait().await;
            Ok(())
        }
    }
    let bus = Arc::new(FakeBus::default());
    let source = bus.source();
    (0..3).for_each(|n| source.send(Ok(delivery(n, 1))).unwrap());
    // One after the other, none would ever end.
    let (shutdown, task) = run(&bus, Meeting(Barrier::new(3)), config());
    tokio::time::sleep(Duration::from_secs(1)).await;
    shutdown.cancel();
    task.await.unwrap();
    assert_eq!(acked(&bus), [0, 1, 2]);
}

fn acked(bus: &FakeBus) -> Vec<u64> {
    let asked = bus.asked().into_iter();
    let mut acked: Vec<_> =
        asked.flat_map(|a| if let Asked::Ack(numbers) = a { numbers } else { vec![] }).collect();
    acked.sort_unstable();
    acked
}

#[tokio::test(start_paused = true)]
async fn acks_that_gather_during_an_ack_are_settled_together() {
    let bus = Arc::new(FakeBus { ack_time: Duration::from_secs(1), ..FakeBus::default() });
    let source = bus.source();
    let (shutdown, task) = run(&bus, Acting(|_| Some(Ok(()))), config());
    for n in 0..50 {
        source.send(Ok(delivery(n, 1))).unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    shutdown.cancel();
    task.await.unwrap();
    assert_eq!(acked(&bus), (0..50).collect::<Vec<_>>());
    assert_eq!(bus.asked().iter().filter(|asked| matches!(asked, Asked::Ack(_))).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stop_finishes_what_is_in_processing_and_takes_no_more() {
    struct Slow(AtomicUsize);
    #[async_trait]
    impl Handler for Slow {
        async fn handle(&self, _: &Envelope) -> Result<(), HandleError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(3)).await;
            Ok(())
        }
    }
    let bus = Arc::new(FakeBus { ack_time: Duration::from_secs(1), ..FakeBus::default() });
    let source = bus.source();
    source.send(Ok(delivery(1, 1))).unwrap();
    let (shutdown, task) = run(&bus, Slow(AtomicUsize::new(0)), config());
    tokio::time::sleep(Duration::from_secs(1)).await;
    shutdown.cancel();
    source.send(Ok(delivery(2, 1))).unwrap();
    task.await.unwrap();
    assert_eq!(acked(&bus), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_ever_and_acknowledges_nothing_unfinished() {
    let bus = Arc::new(FakeBus::default());
    let source = bus.source();
    source.send(Ok(delivery(1, 1))).unwrap();
    let config = ConsumerConfig { timeout: Duration::from_secs(3600), ..config() };
    let (shutdown, task) = run(&bus, Acting(|_| None), config);
    tokio::time::sleep(Duration::from_secs(1)).await;
    shutdown.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(11), task).await;
    stopped.expect("the stop waits for ever").unwrap();
    assert_eq!(bus.asked(), [Asked::Subscribe]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_bus_is_subscribed_again() {
    let bus = Arc::new(FakeBus::default());
    let first = bus.source();
    first.send(Err(down())).unwrap();
    let second = bus.source();
    second.send(Ok(delivery(1, 1))).unwrap();
    let (shutdown, task) = run(&bus, Acting(|_| Some(Ok(()))), config());
    tokio::time::sleep(Duration::from_secs(3)).await;
    shutdown.cancel();
    task.await.unwrap();
    assert_eq!(bus.asked(), [Asked::Subscribe, Asked::Subscribe, Asked::Ack(vec![1])]);
}

#[tokio::test(start_paused = true)]
async fn a_closed_bus_ends_the_consumer() {
    let bus = Arc::new(FakeBus::default());
    drop(bus.source());
    let (_shutdown, task) = run(&bus, Acting(|_| None), config());
    task.await.unwrap();
}
