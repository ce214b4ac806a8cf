//! What became of each user, and when.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use load::figures::Times;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use uuid::Uuid;

/// A step on the way from the commit to the effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The store says that user and event are durable.
    Committed,
    /// The broker has confirmed the event, and its mark is begun, together with others that have gathered.
    Marking,
    /// The consumer of profiles has the event.
    ProfileBegun,
    /// The store says that the profile is durable.
    Profiled,
    /// The consumer of welcomes has the event.
    WelcomeBegun,
    /// The store says that the mail is durable.
    Welcomed,
}

/// When each step was taken, the first time.
type Journey = [Option<Instant>; 6];

/// The journeys of all users.
#[derive(Debug, Default)]
pub(super) struct Journeys {
    known: Mutex<Known>,
    /// Rings when an effect is there.
    bell: Notify,
}

#[derive(Debug, Default)]
struct Known {
    by_user: HashMap<Uuid, Journey>,
    user_of: HashMap<Uuid, Uuid>,
}

impl Journeys {
    /// The event that tells of this user.
    pub(super) fn is_about(&self, event: Uuid, user: Uuid) {
        self.known().user_of.insert(event, user);
    }

    /// A user takes a step now.
    pub(super) fn step(&self, user: Uuid, step: Step) {
        let now = Instant::now();
        let mut known = self.known();
        known.by_user.entry(user).or_default()[step as usize].get_or_insert(now);
        drop(known);
        if matches!(step, Step::Profiled | Step::Welcomed) {
            self.bell.notify_waiters();
        }
    }

    /// The users of these events take a step now.
    pub(super) fn step_of(&self, events: impl Iterator<Item = Uuid>, step: Step) {
        let now = Instant::now();
        let mut known = self.known();
        let Known { by_user, user_of } = &mut *known;
        for user in events.filter_map(|event| user_of.get(&event)) {
            by_user.entry(*user).or_default()[step as usize].get_or_insert(now);
        }
    }

    /// Forgets who has been on the way so far. Who still is, is not counted: they were not seen to be committed.
    pub(super) fn forget(&self) {
        *self.known() = Known::default();
    }

    /// Waits until all who were committed have come to the end of their journeys.
    pub(super) async fn finished(&self, patience: Duration) -> anyhow::Result<()> {
        let all = async {
            loop {
                let rung = self.bell.notified();
                let [committed, done] = self.count();
                if done >= committed {
                    return;
                }
                rung.await;
            }
        };
        let what = || {
            let [committed, done] = self.count();
            format!("only {done} of {committed} users have profile and mail")
        };
        timeout(patience, all).await.ok().with_context(what)
    }

    /// How long it took from one step to another one, for everybody who took both.
    pub(super) fn between(&self, from: Step, to: Step) -> Times {
        let known = self.known();
        let journeys = known.by_user.values().filter(|journey| journey[Step::Committed as usize].is_some());
        let took = |journey: &Journey| Some(journey[to as usize]?.duration_since(journey[from as usize]?));
        journeys.filter_map(took).collect()
    }

    /// How many were committed, and how many of them have both effects.
    fn count(&self) -> [usize; 2] {
        let known = self.known();
        let with = |steps: &[Step]| {
            let took = |journey: &&Journey| steps.iter().all(|step| journey[*step as usize].is_some());
            known.by_user.values().filter(took).count()
        };
        [with(&[Step::Committed]), with(&[Step::Committed, Step::Profiled, Step::Welcomed])]
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_journey_ends_with_both_effects_and_each_step_counts_once() {
        let journeys = Journeys::default();
        let (user, event) = (Uuid::from_u128(1), Uuid::from_u128(2));
        journeys.is_about(event, user);
        journeys.step(user, Step::Committed);
        tokio::time::advance(Duration::from_millis(3)).await;
        journeys.step_of([event, Uuid::nil()].into_iter(), Step::Marking);
        journeys.step(user, Step::Profiled);
        journeys.finished(Duration::from_secs(1)).await.unwrap_err();
        journeys.step(user, Step::Profiled);
        journeys.step(user, Step::Welcomed);
        journeys.finished(Duration::from_secs(1)).await.unwrap();
        let took = journeys.between(Step::Committed, Step::Profiled);
        assert_eq!((took.count(), took.quantile(1.0)), (1, 3.0));
        assert_eq!(journeys.between(Step::Committed, Step::Marking).quantile(1.0), 3.0);
    }

    #[test]
    fn whoever_was_not_seen_to_be_committed_is_not_counted() {
        let journeys = Journeys::default();
        journeys.step(Uuid::nil(), Step::WelcomeBegun);
        journeys.step(Uuid::nil(), Step::Welcomed);
        assert_eq!(journeys.between(Step::WelcomeBegun, Step::Welcomed).count(), 0);
    }
}
