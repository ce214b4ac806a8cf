//! Who should have which shard.

use std::collections::BTreeMap;

use super::Lease;
use crate::{clock::UnixMillis, cql::commit::place::SHARDS};

/// What to do about one lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is mine: say so again.
    Renew,
    /// It is nobody's.
    Take,
    /// Its owner has more than its share, and I have less.
    Ask,
    /// I have more than my share, and was asked.
    HandOver(String),
    /// I was asked, and have no more than my share: say so, and that it is mine.
    Decline,
}

/// What an instance does about each lease, so that all instances come to have the same number, one more or less.
/// Instances know of each other by what they own and ask for.
pub(super) fn plan<'a>(leases: &'a [Lease], me: &str, now: UnixMillis) -> Vec<(&'a Lease, Step)> {
    let is_live = |lease: &&Lease| lease.owner.is_some() && lease.until > now;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::from([(me, 0)]);
    for lease in leases.iter().filter(is_live) {
        lease.heir.as_deref().into_iter().for_each(|heir| _ = counts.entry(heir).or_default());
        lease.owner.as_deref().into_iter().for_each(|owner| *counts.entry(owner).or_default() += 1);
    }
    let (shards, instances) = (usize::from(SHARDS.unsigned_abs()), counts.len());
    let (least, most) = (shards / instances, shards.div_ceil(instances));
    // Mine stay mine when they expired unnoticed.
    let mut mine = leases.iter().filter(|lease| lease.owner.as_deref() == Some(me)).count();
    let mut asked = leases.iter().filter(is_live).filter(|l| l.heir.as_deref() == Some(me)).count();
    let mut steps = Vec::new();
    for lease in leases {
        match (lease.owner.as_deref(), lease.heir.as_deref()) {
            (Some(owner), Some(heir)) if owner == me && heir != me && mine > least => {
                steps.push((lease, Step::HandOver(heir.to_owned())));
                mine -= 1;
            }
            (Some(owner), Some(_)) if owner == me => steps.push((lease, Step::Decline)),
            (Some(owner), None) if owner == me => steps.push((lease, Step::Renew)),
            _ if !is_live(&lease) && mine < most => {
                steps.push((lease, Step::Take));
                mine += 1;
            }
            _ if !is_live(&lease) => {}
            (Some(owner), None) if mine + asked < least => {
                if let Some(count) = counts.get_mut(owner).filter(|count| **count > least) {
                    *count -= 1;
                    asked += 1;
                    steps.push((lease, Step::Ask));
                }
            }
            _ => {}
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000);

    fn lease(shard: i16, owner: Option<&str>, until: u64) -> Lease {
        let owner = owner.map(str::to_owned);
        Lease { shard, owner, heir: None, until: UnixMillis(until), cursor: 0, epoch: 0 }
    }

    /// Applies what an instance plans, as the database does.
    fn round(leases: &mut [Lease], me: &str) {
        let steps: Vec<_> = plan(leases, me, NOW).into_iter().map(|(l, step)| (l.shard, step)).collect();
        for (shard, step) in steps {
            let lease = &mut leases[usize::try_from(shard).unwrap()];
            match step {
                Step::Ask => lease.heir = Some(me.to_owned()),
                Step::Take | Step::Renew => {
                    (lease.owner, lease.until) = (Some(me.to_owned()), UnixMillis(2_000))
                }
                Step::HandOver(heir) => (lease.owner, lease.heir) = (Some(heir), None),
                Step::Decline => lease.heir = None,
            }
        }
    }

    fn count(leases: &[Lease], owner: &str) -> usize {
        leases.iter().filter(|lease| lease.owner.as_deref() == Some(owner)).count()
    }

    fn shared_by(instances: &[&str]) -> Vec<Lease> {
        let mut leases: Vec<_> = (0..SHARDS).map(|shard| lease(shard, None, 0)).collect();
        for _ in 0..6 {
            instances.iter().for_each(|me| round(&mut leases, me));
        }
        leases
    }

    #[test]
    fn the_first_instance_takes_everything_at_once() {
        let leases: Vec<_> = (0..SHARDS).map(|shard| lease(shard, Some("dead"), 999)).collect();
        let steps = plan(&leases, "a", NOW);
        assert_eq!(steps.len(), 16);
        assert!(steps.iter().all(|(_, step)| *step == Step::Take));
    }

    #[test]
    fn every_instance_comes_to_have_its_share() {
        for (instances, share) in [(&["a", "b"][..], 8..=8), (&["a", "b", "c"], 5..=6)] {
            let leases = shared_by(instances);
            let counts: Vec<_> = instances.iter().map(|me| count(&leases, me)).collect();
            assert!(counts.iter().all(|count| share.contains(count)), "{counts:?}");
        }
    }

    #[test]
    fn what_is_shared_stays_where_it_is() {
        let leases = shared_by(&["a", "b", "c"]);
        for me in ["a", "b", "c"] {
            let steps = plan(&leases, me, NOW);
            assert!(steps.iter().all(|(_, step)| *step == Step::Renew), "{me}: {steps:?}");
        }
    }

    #[test]
    fn the_shards_of_a_dead_instance_are_taken_by_the_others() {
        let mut leases = shared_by(&["a", "b", "c"]);
        for lease in leases.iter_mut().filter(|lease| lease.owner.as_deref() == Some("c")) {
            lease.until = NOW;
        }
        round(&mut leases, "a");
        round(&mut leases, "b");
        assert_eq!((count(&leases, "a"), count(&leases, "b")), (8, 8));
    }
}
