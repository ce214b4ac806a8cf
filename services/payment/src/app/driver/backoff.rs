//! How long to wait before the provider is asked again.

use std::time::Duration;

/// The most that the first wait can be.
const BASE: Duration = Duration::from_millis(200);

/// The most that any wait can be.
const CAP: Duration = Duration::from_secs(300);

/// The wait after the `tries`th time without an answer: anything up to a bound that doubles each time, so that
/// those who failed together do not come back together. `random` is from 0 to 1.
pub(super) fn backoff(tries: u32, random: f64) -> Duration {
    let doublings = tries.saturating_sub(1).min(16);
    (BASE * 2_u32.pow(doublings)).min(CAP).mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_five_minutes() {
        let bounds = [1, 2, 3, 11, 12, 13, u32::MAX].map(|tries| backoff(tries, 1.0).as_millis());
        assert_eq!(bounds, [200, 400, 800, 204_800, 300_000, 300_000, 300_000]);
        assert_eq!(backoff(7, 0.0), Duration::ZERO);
        assert_eq!(backoff(1, 0.5), Duration::from_millis(100));
    }
}
