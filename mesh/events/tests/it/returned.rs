//! A message that comes back belongs to the event that was sent with it.
//!
//! The driver attaches a returned message to whichever confirm completes next. With a batch in flight and one
//! confirm for all of it, that is a random one.

use std::collections::BTreeSet;

use mesh_events::{Bus, Outcome, rabbitmq::RabbitBus};

use crate::{
    fake_broker::{FakeBroker, Script},
    harness::{bounded, events},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_returned_message_is_attributed_to_its_own_event() {
    const BATCH: u64 = 12;
    let broker = FakeBroker::start().await;
    let bus = RabbitBus::open(broker.config());
    // Every subset of the first few, so that none is right by chance.
    for subset in 0..64_u64 {
        let returns: BTreeSet<u64> = (0..6).filter(|n| subset >> n & 1 == 1).map(|n| n * 2).collect();
        broker.follow(Script { confirms: BATCH, returns: returns.clone() });
        let published = bounded(bus.publish(&events(0..BATCH))).await.expect("publish");
        let unrouted: BTreeSet<u64> =
            (0..BATCH).filter(|n| published[*n as usize].outcome == Outcome::Unrouted).collect();
        assert_eq!(unrouted, returns);
    }
    bounded(bus.close()).await;
}
