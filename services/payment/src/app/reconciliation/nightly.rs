//! When the books are proved by themselves.

use std::{ops::RangeInclusive, time::Duration};

use crate::error::Error;

/// When the first run begins, in seconds after the start: a service that is started anew every day is proved every
/// day, and replicas that start together do not all read at once.
const FIRST: RangeInclusive<u64> = 60..=300;

/// The longest wait after a run that could not be finished.
const RETRY: Duration = Duration::from_secs(600);

/// Runs soon, and then for ever: again when `every` has passed, or sooner after a run that could not be finished.
pub(super) async fn again_and_again<T, F>(every: Duration, mut run: impl FnMut() -> F)
where
    F: Future<Output = Result<T, Error>>,
{
    let mut pause = Duration::from_secs(rand::random_range(FIRST)).min(every);
    loop {
        tokio::time::sleep(pause).await;
        pause = match run().await {
            Ok(_) => every,
            Err(error) => {
                not_proved(&error);
                every.min(RETRY)
            }
        };
    }
}

fn not_proved(error: &Error) {
    match error {
        // Somebody asked for it, and hears what comes of it.
        Error::ReconciliationRunning => tracing::info!("the books are being proved already"),
        error => tracing::error!(error = %mesh_telemetry::chain(error), "the books were not proved"),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = Duration::from_secs(24 * 3_600);

    /// How long after the start, and after each other, the first four runs begin; the third cannot be finished.
    async fn pauses(every: Duration) -> Vec<Duration> {
        let (mut last, mut pauses) = (Instant::now(), Vec::new());
        let (tell, mut told) = tokio::sync::mpsc::channel(4);
        let work = again_and_again(every, || {
            pauses.push(Instant::now().duration_since(std::mem::replace(&mut last, Instant::now())));
            if pauses.len() == 4 {
                tell.try_send(()).unwrap();
            }
            let is_running = pauses.len() == 3;
            async move { if is_running { Err(Error::ReconciliationRunning) } else { Ok(()) } }
        });
        tokio::select! {
            () = work => {}
            _ = told.recv() => {}
        }
        pauses
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_run_is_soon_and_the_others_are_a_day_apart() {
        let pauses = pauses(DAY).await;
        // A timer may be a millisecond late.
        assert!((MINUTE..=5 * MINUTE + MINUTE / 60).contains(&pauses[0]), "{pauses:?}");
        assert_eq!(pauses[1..].iter().map(Duration::as_secs).collect::<Vec<_>>(), [86_400, 86_400, 600]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_is_longer_than_what_is_configured() {
        let pauses = pauses(Duration::from_secs(10)).await;
        assert_eq!(pauses.iter().map(Duration::as_secs).collect::<Vec<_>>(), [10; 4]);
    }
}
