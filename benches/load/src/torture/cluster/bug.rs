//! Bugs put in on purpose, and the faults under which they show.
//!
//! Faults drawn at random show most of them sooner or later. Here each has a schedule that favours it, so that some
//! minutes are enough.

use std::time::Duration;

use mesh_rig::{
    nemesis::{Fault, Link, Planned, Schedule, Target},
    proxy::{self, Direction},
};

use super::fleet::{PROVIDER, receipts};

/// How long everything is whole at the beginning, and at least at the end.
const QUIET: Duration = Duration::from_secs(10);

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Bug {
    /// A consumer acknowledges an event before its effect is durable. Consumers are killed all the time.
    #[value(name = "bug.ack-before-effect")]
    AckBeforeEffect,
    /// An event that no queue took counts as published. The bindings of a queue get lost all the time.
    #[value(name = "bug.ignore-returned")]
    IgnoreReturned,
    /// An intent is given up although its commit may still come. Links to nodes swallow what is sent, for longer than
    /// an intent is waited for, and then let it through; and no client repeats a call, which would commit in its place.
    #[value(name = "bug.skip-fence")]
    SkipFence,
    /// The provider is asked again under another key. It is killed all the time.
    #[value(name = "bug.new-provider-key")]
    NewProviderKey,
}

impl Bug {
    /// The name of its switch.
    fn name(self) -> &'static str {
        match self {
            Self::AckBeforeEffect => "bug.ack-before-effect",
            Self::IgnoreReturned => "bug.ignore-returned",
            Self::SkipFence => "bug.skip-fence",
            Self::NewProviderKey => "bug.new-provider-key",
        }
    }

    /// What turns it on in the environment of a service.
    pub(super) fn variable(self) -> (String, String) {
        ("FAILPOINTS".to_owned(), format!("{}=return", self.name()))
    }

    /// Whether it only shows where nobody repeats a call.
    pub(super) fn needs_giving_up(self) -> bool {
        self == Self::SkipFence
    }

    /// The faults under which it shows.
    pub(super) fn schedule(self, minutes: u32) -> Schedule {
        let service = |name: &str, replica| Fault::Kill(Target::Service { name: name.to_owned(), replica });
        let (faults, lasts, pause) = match self {
            Self::AckBeforeEffect => {
                let consumers = [("user", 1), ("notification", 1), ("user", 2), ("notification", 2)];
                (consumers.map(|(name, replica)| service(name, replica)).to_vec(), 500, 1_500)
            }
            // Whoever has a connection binds anew every second: it takes many to meet many events.
            Self::IgnoreReturned => (vec![Fault::Unbound { queue: receipts() }], 100, 300),
            Self::SkipFence => {
                let swallow = |node| Fault::Cut {
                    link: Link::Node(node),
                    fault: proxy::Fault::Blackhole(Direction::ToServer),
                };
                ([1, 2, 3].map(swallow).to_vec(), 70_000, 5_000)
            }
            Self::NewProviderKey => (vec![service(PROVIDER, 1)], 1_000, 2_000),
        };
        in_turn(minutes, &faults, Duration::from_millis(lasts), Duration::from_millis(pause))
    }
}

/// These faults again and again, one after the other.
fn in_turn(minutes: u32, faults: &[Fault], lasts: Duration, pause: Duration) -> Schedule {
    let end = Duration::from_secs(60 * u64::from(minutes)).saturating_sub(QUIET);
    let mut planned = Vec::new();
    let mut at = QUIET;
    for fault in faults.iter().cycle() {
        if at + lasts > end {
            break;
        }
        planned.push(Planned { at, lasts, fault: fault.clone() });
        at += lasts + pause;
    }
    Schedule::of(planned)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn a_bug_is_called_as_its_switch_and_its_faults_fit_into_the_time() {
        for bug in Bug::value_variants() {
            assert_eq!(bug.to_possible_value().unwrap().get_name(), bug.name());
            assert!(service_kit::process::crash_points::SWITCHES.contains(&bug.name()), "{bug:?}");
            let schedule = bug.schedule(2);
            assert!(!schedule.planned().is_empty(), "{bug:?}");
            let ends = schedule.planned().iter().map(|planned| planned.at + planned.lasts);
            assert!(ends.max().unwrap() <= Duration::from_secs(110), "{bug:?}");
        }
        assert!(Bug::SkipFence.schedule(0).planned().is_empty());
    }
}
