//! Who kills the programs, and brings them back.

use std::{sync::Arc, time::Duration};

use anyhow::bail;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    select,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    journal::Journal,
    platform::{Platform, Target},
};

/// Of a hundred kills, how many are the stack's.
const STACK: u32 = 75;
/// The longest time that a killed program stays away. One in two comes back at once.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How often programs may end by themselves before somebody must look.
const CRASHES_MAX: u64 = 50;

/// Kills, and restarts what was killed or ended by itself.
#[derive(Debug)]
pub(super) struct Nemesis {
    platform: Platform,
    journal: Arc<Journal>,
    rng: StdRng,
    kill_every: Option<Duration>,
}

/// When it is over.
#[derive(Clone, Debug)]
pub(super) struct Peace {
    /// Nothing is killed any more; what ends by itself still comes back.
    pub(super) kills: CancellationToken,
    /// Everything is over.
    pub(super) stop: CancellationToken,
}

/// What happens next.
enum Next {
    Stop,
    Kill,
    Crashed(Target, String),
}

impl Nemesis {
    /// One that kills about this often, or never.
    pub(super) fn new(
        platform: Platform,
        journal: Arc<Journal>,
        seed: u64,
        kill_every: Option<Duration>,
    ) -> Self {
        Self { platform, journal, rng: StdRng::seed_from_u64(!seed), kill_every }
    }

    /// Goes on until it is over; both programs are running then.
    ///
    /// # Errors
    /// When a program does not come back, or ends by itself again and again.
    pub(super) async fn run(mut self, peace: Peace) -> anyhow::Result<Platform> {
        let mut kill_at = self.next_kill();
        loop {
            match self.next(&peace, kill_at).await? {
                Next::Stop => return Ok(self.platform),
                Next::Kill => {
                    self.kill().await?;
                    kill_at = self.next_kill();
                }
                Next::Crashed(target, said) => {
                    self.journal.crash(target);
                    if self.journal.tally().crashes > CRASHES_MAX {
                        bail!("the {} ends by itself again and again: {said}", target.name());
                    }
                    self.platform.restart(target).await?;
                }
            }
        }
    }

    async fn next(&mut self, peace: &Peace, kill_at: Option<Instant>) -> anyhow::Result<Next> {
        let kill = async {
            let Some(at) = kill_at else { return std::future::pending().await };
            if peace.kills.run_until_cancelled(sleep_until(at)).await.is_none() {
                std::future::pending().await
            }
        };
        select! {
            // What is down is brought back before anything else.
            biased;
            ended = self.platform.ended() => {
                let (target, said) = ended?;
                Ok(Next::Crashed(target, said))
            }
            () = peace.stop.cancelled() => Ok(Next::Stop),
            () = kill => Ok(Next::Kill),
        }
    }

    async fn kill(&mut self) -> anyhow::Result<()> {
        let drawn = if self.rng.random_range(0..100) < STACK { Target::Stack } else { Target::Provider };
        let target = if self.platform.can_kill(drawn) { drawn } else { Target::Stack };
        self.journal.kill(target);
        self.platform.kill(target).await?;
        if self.rng.random_ratio(1, 2) {
            sleep(LONGEST_PAUSE.mul_f64(self.rng.random())).await;
        }
        self.platform.restart(target).await
    }

    fn next_kill(&mut self) -> Option<Instant> {
        let every = self.kill_every?;
        Some(Instant::now() + every.mul_f64(self.rng.random_range(0.5..1.5)))
    }
}
