//! When what is broken.

use std::time::Duration;

use super::{
    fault::{Fault, Lane, Link, Target},
    random::Random,
};
use crate::proxy::{self, Direction};

/// How long everything is whole at the beginning and at the end of a run.
const QUIET: Duration = Duration::from_secs(10);
/// Between two faults of one lane, in milliseconds: time to find out that something works again.
const GAP_MS: std::ops::RangeInclusive<u64> = 2_000..=8_000;

/// What there is to break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// The services by their names, and how many replicas each has.
    pub services: Vec<(String, u8)>,
    /// CQL nodes, each behind a proxy.
    pub nodes: u8,
    /// Queues of which each is the only one for what it takes. All bindings of such a queue may get lost: what is for
    /// it comes back to its sender, who can act. What another queue takes too does not come back.
    pub lone_queues: Vec<String>,
}

/// A fault and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When it begins, since the beginning of the run.
    pub at: Duration,
    /// How long it lasts.
    pub lasts: Duration,
    /// What.
    pub fault: Fault,
}

/// Faults in the order in which they begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(Vec<Planned>);

impl Schedule {
    /// Draws the faults of a run of so many minutes. The same seed, minutes and scene give the same faults, on any
    /// machine.
    #[must_use]
    pub fn draw(seed: u64, minutes: u32, scene: &Scene) -> Self {
        let end = Duration::from_secs(60 * u64::from(minutes)).saturating_sub(QUIET);
        let mut random = Random::of(seed);
        let mut planned = Vec::new();
        for lane in Lane::ALL {
            // A lane of its own sequence: what is drawn in one does not depend on the others.
            let mut random = Random::of(random.next());
            let mut at = QUIET + random.millis(GAP_MS);
            while let Some((fault, lasts)) = draw(lane, &mut random, scene) {
                if at + lasts > end {
                    break;
                }
                planned.push(Planned { at, lasts, fault });
                at += lasts + random.millis(GAP_MS);
            }
        }
        Self::of(planned)
    }

    /// Faults that somebody chose.
    #[must_use]
    pub fn of(mut planned: Vec<Planned>) -> Self {
        planned.sort_by_key(|planned| planned.at);
        Self(planned)
    }

    /// The faults, in the order in which they begin.
    #[must_use]
    pub fn planned(&self) -> &[Planned] {
        &self.0
    }

    /// Those of one lane, in the same order.
    pub fn of_lane(&self, lane: Lane) -> impl Iterator<Item = &Planned> {
        self.0.iter().filter(move |planned| planned.fault.lane() == lane)
    }
}

/// The lane's next fault, and how long it lasts; nothing if there is nothing to break.
fn draw(lane: Lane, random: &mut Random, scene: &Scene) -> Option<(Fault, Duration)> {
    match lane {
        Lane::Services => {
            let choices: Vec<Target> = scene
                .services
                .iter()
                .flat_map(|(name, replicas)| {
                    (1..=*replicas).map(|replica| Target::Service { name: name.clone(), replica })
                })
                .collect();
            (!choices.is_empty()).then(|| process(random, &choices))
        }
        Lane::Nodes => {
            let nodes: Vec<u8> = (1..=scene.nodes).collect();
            if nodes.is_empty() {
                return None;
            }
            let node = *random.one_of(&nodes);
            Some(match random.within(0..=1) {
                0 => process(random, &[Target::Node(node)]),
                _ => link(random, Link::Node(node)),
            })
        }
        Lane::Broker => Some(match random.within(0..=6) {
            0 | 1 => process(random, &[Target::Broker]),
            2 | 3 => link(random, Link::Broker),
            4 => (Fault::MemoryAlarm, random.millis(3_000..=10_000)),
            5 if !scene.lone_queues.is_empty() => {
                let queue = random.one_of(&scene.lone_queues).clone();
                (Fault::Unbound { queue }, random.millis(2_000..=5_000))
            }
            _ => (Fault::LostBinding { pick: random.next() }, random.millis(2_000..=5_000)),
        }),
    }
}

/// Killed and down for up to 10 s, or stopped for 20 s: longer than any lease or fence waits.
fn process(random: &mut Random, choices: &[Target]) -> (Fault, Duration) {
    let target = random.one_of(choices).clone();
    if random.within(0..=3) == 0 {
        (Fault::Pause(target), Duration::from_secs(20))
    } else {
        (Fault::Kill(target), random.millis(0..=10_000))
    }
}

fn link(random: &mut Random, link: Link) -> (Fault, Duration) {
    let direction = *random.one_of(&[Direction::ToServer, Direction::ToClient]);
    let fault = match random.within(0..=4) {
        0 => proxy::Fault::Refuse,
        1 => proxy::Fault::Reset,
        2 => proxy::Fault::Blackhole(direction),
        3 => proxy::Fault::Delay(random.millis(50..=500)),
        // Sooner or later in the middle of a frame.
        _ => proxy::Fault::Cut { direction, bytes: random.within(1..=20_000) },
    };
    (Fault::Cut { link, fault }, random.millis(3_000..=15_000))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn scene() -> Scene {
        let services = ["user", "payment", "notification"];
        let services = services.map(|name| (name.to_owned(), 2)).to_vec();
        Scene { services, nodes: 3, lone_queues: vec!["receipts".to_owned()] }
    }

    #[test]
    fn a_seed_gives_the_same_faults_and_another_one_gives_others() {
        let drawn = Schedule::draw(7, 5, &scene());
        assert_eq!(drawn, Schedule::draw(7, 5, &scene()));
        assert_ne!(drawn, Schedule::draw(8, 5, &scene()));
        // More time gives more faults, the same ones to begin with.
        let longer = Schedule::draw(7, 6, &scene());
        assert!(drawn.planned().iter().all(|planned| longer.planned().contains(planned)));
    }

    #[test]
    fn faults_come_in_order_and_end_before_the_run_does() {
        for seed in 0..200 {
            let drawn = Schedule::draw(seed, 2, &scene());
            let planned = drawn.planned();
            assert!(planned.len() > 6, "{planned:?}");
            assert!(planned.is_sorted_by_key(|planned| planned.at));
            assert!(planned.iter().all(|planned| planned.at >= QUIET));
            assert!(planned.iter().all(|planned| planned.at + planned.lasts <= Duration::from_secs(110)));
        }
    }

    #[test]
    fn never_are_two_nodes_broken_at_once() {
        for seed in 0..200 {
            let drawn = Schedule::draw(seed, 5, &scene());
            let of_nodes: Vec<_> = drawn.of_lane(Lane::Nodes).collect();
            let is_node = |planned: &&Planned| planned.fault.target().contains("cql");
            assert_eq!(of_nodes, drawn.planned().iter().filter(is_node).collect::<Vec<_>>());
            let mut free = Duration::ZERO;
            for planned in of_nodes {
                assert!(planned.at > free, "{planned:?}");
                free = planned.at + planned.lasts;
            }
        }
    }

    #[test]
    fn sooner_or_later_everything_is_broken_in_every_way() {
        let mut found = HashSet::new();
        for seed in 0..100 {
            let drawn = Schedule::draw(seed, 5, &scene());
            found
                .extend(drawn.planned().iter().map(|planned| (planned.fault.name(), planned.fault.target())));
        }
        for name in ["kill", "pause"] {
            for target in ["user-2", "payment-1", "notification-2", "cql-1", "cql-3", "broker"] {
                assert!(found.contains(&(name, target.to_owned())), "{name} {target}");
            }
        }
        for name in ["refuse", "reset", "blackhole", "delay", "cut"] {
            for target in ["link to cql-2", "link to broker"] {
                assert!(found.contains(&(name, target.to_owned())), "{name} {target}");
            }
        }
        assert!(found.contains(&("memory-alarm", "broker".to_owned())));
        assert!(found.contains(&("lost-binding", "broker".to_owned())));
        assert!(found.contains(&("unbound", "receipts".to_owned())));
    }

    #[test]
    fn where_there_is_nothing_else_only_the_broker_is_broken() {
        let nothing = Scene { services: Vec::new(), nodes: 0, lone_queues: Vec::new() };
        let drawn = Schedule::draw(1, 5, &nothing);
        assert!(drawn.planned().iter().all(|planned| planned.fault.target().contains("broker")));
        assert_eq!(Schedule::draw(1, 0, &scene()).planned(), []);
    }
}
